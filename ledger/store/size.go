package store

// Size is how many bytes the files of the log have.
func (l *Log) Size() (uint64, error) {
	found, err := segments(l.fs, l.dir, l.forgets)
	if err != nil {
		return 0, err
	}
	total := uint64(0)
	for _, segment := range found {
		info, err := l.fs.Stat(segmentName(l.fs, l.dir, segment))
		if err != nil {
			return 0, err
		}
		total += uint64(info.Size())
	}
	return total, nil
}
