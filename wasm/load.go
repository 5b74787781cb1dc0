package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Load compiles the module (or finds it in the cache) and makes it callable
// under packageID. Loading twice is harmless: of several at the same time that
// load the same package, one does it for all. Different packages do not wait for
// each other.
func (r *Runtime) Load(ctx context.Context, packageID string, code []byte) (*Module, error) {
	for {
		m, other, err := r.turn(packageID)
		switch {
		case err != nil:
			return nil, err
		case m != nil && m.hash != sha256.Sum256(code):
			return nil, fmt.Errorf("load chaincode %s: already loaded with other code", packageID)
		case m != nil:
			return m, nil
		case other == nil:
			return r.load(ctx, packageID, code)
		}
		select {
		case <-other: // which may have failed, or been given up
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for chaincode %s, which is being loaded: %w", packageID, context.Cause(ctx))
		}
	}
}

// turn answers the module if it is loaded, or the end of another's turn, or
// neither: then it is the caller's turn, who calls load.
func (r *Runtime) turn(packageID string) (*Module, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	if m, ok := r.modules[packageID]; ok {
		return m, nil, nil
	}
	if other, ok := r.turns[packageID]; ok {
		return nil, other, nil
	}
	r.turns[packageID] = make(chan struct{})
	r.loads.Add(1)
	return nil, nil, nil
}

func (r *Runtime) load(ctx context.Context, packageID string, code []byte) (m *Module, err error) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if m != nil {
			r.modules[packageID] = m
		}
		close(r.turns[packageID])
		delete(r.turns, packageID)
		r.loads.Done()
	}()
	made, err := r.newModule(ctx, packageID, code, r.compile)
	if err != nil {
		return nil, fmt.Errorf("load chaincode %s: %w", packageID, err)
	}
	if err := made.prepare(ctx); err != nil {
		return nil, fmt.Errorf("load chaincode %s: %w", packageID, errors.Join(err, made.compiled.Close(ctx)))
	}
	return made, nil
}
