package p2p

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

// firstAlloc is the memory that a length prefix alone can claim.
const firstAlloc = 64 << 10

var errFrameTooLarge = errors.New("frame too large")

// readFrame reads a length and as many bytes. Memory grows with the bytes that
// arrive, not with the length that was promised. A clean end is io.EOF, an end
// inside a frame io.ErrUnexpectedEOF.
func readFrame(r *bufio.Reader, limit int) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > uint64(limit) {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", errFrameTooLarge, n, limit)
	}
	return readBody(r, int(n))
}

func readBody(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, firstAlloc))
	for len(buf) < n {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(n, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		m, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// appendFrame appends msg behind its length.
func appendFrame(dst, msg []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(msg))), msg...)
}

func writeMessage(w io.Writer, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(appendFrame(nil, body))
	return err
}

// readMessage reads a frame into m; a missing frame is io.ErrUnexpectedEOF.
func readMessage(r *bufio.Reader, limit int, m proto.Message) error {
	body, err := readFrame(r, limit)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return proto.Unmarshal(body, m)
}
