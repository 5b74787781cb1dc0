package store

// Walk calls f for the places of the records from a position on, as Scan does,
// without reading their payloads: next is where the record after it begins, or
// the segment ends. What it passes over may be damaged.
func (l *Log) Walk(from Position, f func(at, next Position) error) error {
	if !l.gate.Enter() {
		return ErrClosed
	}
	defer l.gate.Leave()
	return l.walk(from, func(at Position) (int64, error) {
		end, err := l.recordEnd(at)
		if err != nil {
			return 0, err
		}
		return end, f(at, position(at.segment(), end))
	})
}

// walk visits the records from a position on, up to the end of the log as it was
// at first. A visit answers the offset after its record.
func (l *Log) walk(from Position, visit func(at Position) (int64, error)) error {
	end := l.End()
	if from == 0 {
		from = position(l.first, segmentHeader)
	}
	for segment := from.segment(); segment <= end.segment(); segment++ {
		last := end.offset()
		if segment < end.segment() {
			var err error
			if last, err = l.sealedEnd(segment); err != nil {
				return err
			}
		}
		for from.offset() < last {
			next, err := visit(from)
			if err != nil {
				return err
			}
			from = position(segment, next)
		}
		from = position(segment+1, segmentHeader)
	}
	return nil
}
