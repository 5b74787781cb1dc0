package guest

import "github.com/weft-network/weft/wasm/abi"

// The state of a chaincode is public, or of a collection of private data.
// Methods whose names end in Private take the collection first.

// Get answers nil without an error when there is no such key.
func (tx *Tx) Get(key string) ([]byte, error) { return get("", key) }

// GetPrivate answers nil without an error when there is no such key.
func (tx *Tx) GetPrivate(collection, key string) ([]byte, error) { return get(collection, key) }

func get(collection, key string) ([]byte, error) {
	scratch := takeScratch()
	return value(scratch, stateGet(collection, key, dataOf(scratch), uint32(len(scratch))))
}

// GetMany answers a value for each key, in their order; nil where there is none.
func (tx *Tx) GetMany(keys ...string) ([][]byte, error) { return getMany("", keys) }

// GetManyPrivate answers a value for each key, in their order; nil where there
// is none.
func (tx *Tx) GetManyPrivate(collection string, keys ...string) ([][]byte, error) {
	return getMany(collection, keys)
}

func getMany(collection string, keys []string) ([][]byte, error) {
	list := abi.AppendList(nil, keys)
	scratch := takeScratch()
	b, err := output(scratch, stateGetMulti(collection, dataOf(list), uint32(len(list)), dataOf(scratch), uint32(len(scratch))))
	if err != nil {
		return nil, err
	}
	values := must(abi.DecodeList(b))
	for i, v := range values {
		if values[i] = nil; len(v) > 0 && v[0] == 1 {
			values[i] = v[1:]
		}
	}
	return values, nil
}

// HashPrivate answers the hash of a private value, which peers outside of the
// collection know too; nil without an error when there is no such key.
func (tx *Tx) HashPrivate(collection, key string) ([]byte, error) {
	scratch := takeScratch()
	return value(scratch, stateHash(collection, key, dataOf(scratch), uint32(len(scratch))))
}

// Put writes a key. An empty value deletes it when the block is committed.
func (tx *Tx) Put(key string, value []byte) error { return put("", key, value) }

// PutPrivate writes a key of a collection.
func (tx *Tx) PutPrivate(collection, key string, value []byte) error {
	return put(collection, key, value)
}

func put(collection, key string, value []byte) error {
	return check(statePut(collection, key, dataOf(value), uint32(len(value))))
}

// Delete deletes a key, which need not exist.
func (tx *Tx) Delete(key string) error { return check(stateDel("", key, abi.DeleteKey)) }

// DeletePrivate deletes a key of a collection, which need not exist.
func (tx *Tx) DeletePrivate(collection, key string) error {
	return check(stateDel(collection, key, abi.DeleteKey))
}

// PurgePrivate deletes a key of a collection and what is left of its history.
func (tx *Tx) PurgePrivate(collection, key string) error {
	return check(stateDel(collection, key, abi.PurgeKey))
}

// Policy answers the endorsement policy of a key of its own, nil if it has
// none. An empty collection is the public state.
func (tx *Tx) Policy(collection, key string) ([]byte, error) {
	scratch := takeScratch()
	return value(scratch, metaGet(collection, key, abi.ValidationParameter, dataOf(scratch), uint32(len(scratch))))
}

// SetPolicy gives a key an endorsement policy of its own.
func (tx *Tx) SetPolicy(collection, key string, policy []byte) error {
	return check(metaPut(collection, key, abi.ValidationParameter, dataOf(policy), uint32(len(policy))))
}
