package raft

import (
	"fmt"
	"log/slog"
)

// logger passes the library's messages to slog. The library panics when its
// invariants are broken, say by a consenter that lost its log; Node.Run turns
// that panic into an error, which halts the channel and not the process.
type logger struct{ log *slog.Logger }

func (l logger) Debug(v ...any)                   { l.log.Debug(fmt.Sprint(v...)) }
func (l logger) Debugf(format string, v ...any)   { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Info(v ...any)                    { l.log.Debug(fmt.Sprint(v...)) }
func (l logger) Infof(format string, v ...any)    { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Warning(v ...any)                 { l.log.Warn(fmt.Sprint(v...)) }
func (l logger) Warningf(format string, v ...any) { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l logger) Error(v ...any)                   { l.log.Error(fmt.Sprint(v...)) }
func (l logger) Errorf(format string, v ...any)   { l.log.Error(fmt.Sprintf(format, v...)) }
func (l logger) Fatal(v ...any)                   { panic(fmt.Sprint(v...)) }
func (l logger) Fatalf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }
func (l logger) Panic(v ...any)                   { panic(fmt.Sprint(v...)) }
func (l logger) Panicf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }
