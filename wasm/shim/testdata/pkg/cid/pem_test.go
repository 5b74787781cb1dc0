package cid

import (
	"bytes"
	"encoding/pem"
	"math/rand/v2"
	"strings"
	"testing"
)

// agree fails unless certificate finds what encoding/pem does.
func agree(t *testing.T, text []byte) (found bool) {
	t.Helper()
	block, _ := pem.Decode(text)
	der, ok := certificate(text)
	if ok != (block != nil) || ok && !bytes.Equal(der, block.Bytes) {
		t.Errorf("%q: %x, %v; encoding/pem: %v", text, der, ok, block)
	}
	return ok
}

func TestACertificateIsFoundWhereEncodingPemFindsIt(t *testing.T) {
	for size := range 200 {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes.Repeat([]byte{7}, size)})
		if _, ok := usual(text); !ok && size > 0 {
			t.Errorf("%q is not read at once", text)
		}
		for _, form := range []string{"%", "%\n", "%\n\n", " %", "\n%", "%%", "% \n", "x\n%", "%x", "%\n%", "\r\n%"} {
			agree(t, []byte(strings.ReplaceAll(form, "%", string(text))))
			agree(t, []byte(strings.ReplaceAll(form, "%", strings.TrimSuffix(string(text), "\n"))))
			agree(t, []byte(strings.ReplaceAll(strings.ReplaceAll(form, "%", string(text)), "\n", "\r\n")))
			agree(t, []byte(strings.ReplaceAll(strings.ReplaceAll(form, "%", string(text)), "CERTIFICATE", "KEY")))
		}
	}
	for _, text := range []string{
		"", pemBegin, pemEnd, pemBegin + pemEnd, pemBegin + pemEnd[1:], pemBegin[:20] + pemEnd,
		pemBegin + pemBegin + "BwcH" + pemEnd, pemBegin + "BwcH" + pemEnd + pemEnd,
		pemBegin + "a: b\n\nBwcH" + pemEnd, pemBegin + "BwcH" + "\n-----END KEY-----" + pemEnd,
		pemBegin + "Bw==BwcH" + pemEnd, pemBegin + "BwcHB" + pemEnd + "\n" + pemBegin + "BwcH" + pemEnd,
	} {
		agree(t, []byte(text))
	}
}

func TestACertificateWithTypingErrorsIsFoundWhereEncodingPemFindsIt(t *testing.T) {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes.Repeat([]byte("weft"), 30)})
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "\n\r\t -:=A+/\x00"
	found := 0
	for range 20_000 {
		wrong := bytes.Clone(text)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(wrong))
			switch letter := letters[random.IntN(len(letters))]; random.IntN(3) {
			case 0:
				wrong[at] = letter
			case 1:
				wrong = append(wrong[:at], wrong[at+1:]...)
			default:
				wrong = append(wrong[:at], append([]byte{letter}, wrong[at:]...)...)
			}
		}
		if agree(t, wrong) {
			found++
		}
	}
	if found < 1000 || found > 19_000 {
		t.Errorf("%d of 20,000 texts hold a block: too many or too few to tell", found)
	}
}
