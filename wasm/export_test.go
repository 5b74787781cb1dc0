package wasm

import "runtime"

// AwaitReady returns once all instances that are kept ready are.
func (m *Module) AwaitReady() {
	for len(m.ready) < cap(m.ready) || len(m.retired) > 0 {
		runtime.Gosched()
	}
}
