package wasm

import (
	"encoding/binary"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
)

// multiChunk is how many keys of state_get_multi are looked up before the guest
// has paid for what they hold: it bounds the values in memory by what one
// transaction may write, times this.
const multiChunk = 16

// maxResultBytes bounds what a host function collects for one answer, and what
// an iterator has read ahead: a block holds a fraction of it.
const maxResultBytes = 64 << 20

const whatPrivate = "private data"

// state_get(coll, key, ptr, cap)
func stateGet(f *frame) int32 {
	f.tx()
	coll, key := f.collection(0), f.key(2)
	if f.code != 0 {
		return f.code
	}
	f.pay(fuelRead)
	var value []byte
	var err error
	if coll == "" {
		value, err = f.stub.Get(key)
	} else if private, ok := f.stub.(PrivateData); ok {
		value, err = private.GetPrivate(coll, key)
	} else {
		return f.unsupported("state_get", whatPrivate)
	}
	return f.value(4, value, "get state", key, err)
}

// value answers what a lookup gave.
func (f *frame) value(i int, value []byte, doing, key string, err error) int32 {
	if err != nil {
		return f.stubError(fmt.Sprintf("%s %q", doing, key), err)
	}
	if value == nil {
		return f.refuse(abi.NotFound, "there is no such key")
	}
	return f.answer(i, value)
}

// state_get_multi(coll, keys, ptr, cap)
func stateGetMulti(f *frame) int32 {
	f.tx()
	coll, keys := f.collection(0), f.keys(2)
	if f.code != 0 {
		return f.code
	}
	get, ok := f.multiGetter(coll)
	if !ok {
		return f.unsupported("state_get_multi", whatPrivate)
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(keys)))
	for len(keys) > 0 {
		chunk := keys[:min(multiChunk, len(keys))]
		keys = keys[len(chunk):]
		f.pay(uint64(len(chunk)) * fuelRead)
		values, err := get(chunk)
		if err == nil && len(values) != len(chunk) {
			err = fmt.Errorf("%d values for %d keys", len(values), len(chunk))
		}
		if err != nil {
			return f.stubError("get several states", err)
		}
		for _, value := range values {
			out = abi.AppendOptional(out, value)
		}
		if len(out) > maxResultBytes {
			return f.refuse(abi.Limit, "the values are more than %d bytes together; ask for fewer keys at once", maxResultBytes)
		}
	}
	return f.answer(4, out)
}

// multiGetter is the stub's way to read several keys of the collection.
func (f *frame) multiGetter(coll string) (get func(keys []string) ([][]byte, error), ok bool) {
	if coll != "" {
		private, ok := f.stub.(PrivateData)
		return func(keys []string) ([][]byte, error) { return private.GetMultiplePrivate(coll, keys) }, ok
	}
	if multi, ok := f.stub.(MultiGetter); ok {
		return multi.GetMultiple, true
	}
	return func(keys []string) ([][]byte, error) {
		values := make([][]byte, len(keys))
		for i, key := range keys {
			var err error
			if values[i], err = f.stub.Get(key); err != nil {
				return nil, err
			}
		}
		return values, nil
	}, true
}

// state_hash(coll, key, ptr, cap)
func stateHash(f *frame) int32 {
	f.tx()
	coll, key := f.collection(0), f.key(2)
	if coll == "" {
		f.deny(abi.InvalidArg, "collection must not be an empty string")
	}
	if f.code != 0 {
		return f.code
	}
	private, ok := f.stub.(PrivateData)
	if !ok {
		return f.unsupported("state_hash", whatPrivate)
	}
	f.pay(fuelRead)
	hash, err := private.HashPrivate(coll, key)
	return f.value(4, hash, "get hash of private state", key, err)
}

// state_put(coll, key, val)
func statePut(f *frame) int32 {
	f.writable()
	coll, key := f.collection(0), f.key(2)
	if f.code != 0 {
		return f.code
	}
	f.charge(int(f.u32(3)) + int(f.u32(5)))
	value := f.bytes(4)
	var err error
	if coll == "" {
		err = f.stub.Put(key, value)
	} else if private, ok := f.stub.(PrivateData); ok {
		err = private.PutPrivate(coll, key, value)
	} else {
		return f.unsupported("state_put", whatPrivate)
	}
	return f.done("put state", key, err)
}

// done answers a write.
func (f *frame) done(doing, key string, err error) int32 {
	if err != nil {
		return f.stubError(fmt.Sprintf("%s %q", doing, key), err)
	}
	return 0
}

// state_del(coll, key, mode)
func stateDel(f *frame) int32 {
	f.writable()
	coll, key, mode := f.collection(0), f.key(2), f.u32(4)
	switch {
	case mode > abi.PurgeKey:
		f.deny(abi.InvalidArg, "state_del knows no mode %d", mode)
	case mode == abi.PurgeKey && coll == "":
		f.deny(abi.InvalidArg, "only applicable for private data")
	}
	if f.code != 0 {
		return f.code
	}
	f.charge(int(f.u32(3)))
	if coll == "" {
		return f.done("delete state", key, f.stub.Delete(key))
	}
	private, ok := f.stub.(PrivateData)
	switch {
	case !ok:
		return f.unsupported("state_del", whatPrivate)
	case mode == abi.PurgeKey:
		return f.done("purge private state", key, private.PurgePrivate(coll, key))
	default:
		return f.done("delete private state", key, private.DeletePrivate(coll, key))
	}
}

// metadata reads what meta_get and meta_put have in common.
func (f *frame) metadata() (coll, key, name string) {
	coll, key, name = f.collection(0), f.key(2), f.text(4, "name of metadata", maxNameBytes)
	if name == "" {
		f.deny(abi.InvalidArg, "name of metadata must not be an empty string")
	}
	return coll, key, name
}

// meta_get(coll, key, name, ptr, cap)
func metaGet(f *frame) int32 {
	f.tx()
	coll, key, name := f.metadata()
	if f.code != 0 {
		return f.code
	}
	keeper, ok := f.stub.(KeyMetadata)
	if !ok {
		return f.unsupported("meta_get", "key metadata")
	}
	f.pay(fuelRead)
	value, err := keeper.GetMetadata(coll, key, name)
	return f.value(6, value, "get metadata of", key, err)
}

// meta_put(coll, key, name, val)
func metaPut(f *frame) int32 {
	f.writable()
	coll, key, name := f.metadata()
	if f.code != 0 {
		return f.code
	}
	keeper, ok := f.stub.(KeyMetadata)
	if !ok {
		return f.unsupported("meta_put", "key metadata")
	}
	f.charge(int(f.u32(3)) + int(f.u32(5)) + int(f.u32(7)))
	return f.done("put metadata of", key, keeper.PutMetadata(coll, key, name, f.bytes(6)))
}
