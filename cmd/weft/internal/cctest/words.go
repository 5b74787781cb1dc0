package cctest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline is a text on one line that can be told from any other: as it is if
// that is unambiguous and fit to read, quoted otherwise.
func inline[T ~string | ~[]byte](b T) string {
	s := string(b)
	if !utf8.ValidString(s) {
		return fmt.Sprintf("bytes %x", s)
	}
	plain := s != "" && s[0] != '"' && !strings.HasPrefix(s, "bytes ") && strings.TrimSpace(s) == s
	if plain && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
}

// word is like inline, and quotes what has spaces too.
func word[T ~string | ~[]byte](b T) string {
	if s := string(b); utf8.ValidString(s) && strings.Contains(s, " ") {
		return strconv.Quote(s)
	}
	return inline(b)
}

// separator stands between the parts of composite keys, and before them.
const separator = "\x00"

// key shows a key; the parts of a composite one each for itself.
func key(k string) string {
	inner, composite := strings.CutPrefix(k, separator)
	if !composite || !strings.HasSuffix(inner, separator) {
		return strconv.Quote(k)
	}
	parts := strings.Split(strings.TrimSuffix(inner, separator), separator)
	for i, part := range parts {
		parts[i] = strconv.Quote(part)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// span shows a range of keys.
func span(start, end string) string {
	if inner, ok := strings.CutPrefix(end, start); ok && inner == string(utf8.MaxRune) && strings.HasPrefix(start, separator) {
		return "all below " + key(start)
	}
	return key(start) + " to " + key(end)
}
