package wasm

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
)

const (
	// maxLogLine is where a line without an end is cut.
	maxLogLine = 4 << 10
	// maxLastWords bounds the text of a panic that goes into an error.
	maxLastWords = 512
)

// guestLog takes what a guest writes to its standard outputs and by the log
// function. Nothing of it comes back to the guest: what is dropped looks
// written, and the level that the node logs at changes no result.
type guestLog struct {
	log       *slog.Logger
	call      *Call // nil while an instance starts
	named     bool  // log has the attributes of the call
	left      int   // bytes that may still be logged
	dropped   bool
	line      []byte
	lastWords string
}

// Write takes output as a stream and logs it by lines.
func (g *guestLog) Write(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			g.line = append(g.line, p[:min(len(p), maxLogLine-len(g.line))]...)
			if len(g.line) == maxLogLine {
				g.flush()
			}
			return
		}
		g.line = append(g.line, p[:min(end, maxLogLine-len(g.line))]...)
		g.flush()
		p = p[end+1:]
	}
}

func (g *guestLog) flush() {
	if len(g.line) > 0 {
		g.print(slog.LevelInfo, string(g.line))
		g.line = g.line[:0]
	}
}

// logger says which call it logs for. Few calls log, so it is made late.
func (g *guestLog) logger() *slog.Logger {
	if !g.named {
		g.named = true
		if g.call == nil {
			g.log = g.log.With("phase", "start")
		} else {
			g.log = g.log.With("channel", g.call.Channel, "chaincode", g.call.Chaincode, "tx", g.call.TxID)
		}
	}
	return g.log
}

func (g *guestLog) print(level slog.Level, text string) {
	text = strings.ToValidUTF8(text, "�")
	if g.lastWords == "" && (strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")) {
		g.lastWords = text[:min(len(text), maxLastWords)]
	}
	if len(text) > g.left {
		if !g.dropped {
			g.dropped = true
			g.logger().Warn("chaincode logs too much; the rest of this call's log is dropped")
		}
		g.left = 0
		return
	}
	g.left -= len(text)
	g.logger().Log(context.Background(), level, "chaincode log", "text", text)
}

// withLastWords adds the guest's own explanation, if it printed one.
func (g *guestLog) withLastWords(reason string) string {
	g.flush()
	if g.lastWords == "" {
		return reason
	}
	return reason + ": " + strings.ToValidUTF8(g.lastWords, "")
}
