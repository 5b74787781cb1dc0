package snapshot

import "bytes"

// Image is the memory that instances begin with. Nobody writes to it.
type Image struct {
	system *System
	bytes  []byte // read-only, of a whole number of WebAssembly pages
	share  share  // what instances map; on systems without it they copy bytes
}

// Image keeps a copy of b, whose length is a whole number of WebAssembly pages.
func (s *System) Image(b []byte) (*Image, error) {
	i := &Image{system: s, share: noShare}
	if s.form == Copy || len(b) == 0 {
		i.bytes = bytes.Clone(b)
		return i, nil
	}
	var err error
	i.bytes, i.share, err = shareBytes(b, s.page)
	return i, err
}

// Bytes is the image itself: the caller must not write to it.
func (i *Image) Bytes() []byte { return i.bytes }

// Size returns the length of the image in bytes.
func (i *Image) Size() uint64 { return uint64(len(i.bytes)) }

// Close must come after the last memory over the image was freed.
func (i *Image) Close() {
	if i.share != noShare {
		i.share.close(i.bytes)
	}
	i.bytes, i.share = nil, noShare
}
