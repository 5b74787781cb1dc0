package audit

import (
	"errors"
	"fmt"
	"os"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/validate"
)

// ErrInUse answers the opening of a ledger that another process has open.
var ErrInUse = store.ErrInUse

// Kind tells whose ledger it is.
type Kind string

// The kinds of ledger.
const (
	Peer    Kind = "peer"
	Orderer Kind = "orderer" // blocks without validation codes and state
)

// Reader is a ledger opened for reading only, while its node is stopped. It
// changes no byte of it.
type Reader struct {
	*chain.Chain
	Dir     string
	Channel string
	Kind    Kind
	// Notes say what is unusual and no fault, such as an index that is behind.
	Notes []string
}

// Open opens the ledger in dir, a directory with the folders blocks and index,
// for reading only. The error wraps ErrInUse when somebody else has it open.
func Open(dir string) (*Reader, error) {
	r := &Reader{Dir: dir}
	var err error
	if r.Kind, err = KindOf(dir); err != nil {
		return nil, err
	}
	r.Chain, err = chain.Open(dir, options(r.Kind))
	if err != nil {
		return nil, err
	}
	if r.Channel, err = ChannelOf(r.Chain); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.Notes = notes(r.Recovery(), r.Height())
	return r, nil
}

// notes tell of what a crash left.
func notes(found chain.Recovery, height uint64) (list []string) {
	if found.TornBytes > 0 {
		list = append(list, fmt.Sprintf("a crash left %d bytes of an unfinished record after the last block; the node removes them when it starts", found.TornBytes))
	}
	switch {
	case found.Index != nil:
		list = append(list, fmt.Sprintf("state and indexes cannot be read: %v; \"weft ledger rebuild\" makes them again", found.Index))
	case found.IndexHeight < height:
		list = append(list, fmt.Sprintf("state and indexes are at height %d of %d, as after a crash; the node makes the rest when it starts", found.IndexHeight, height))
	}
	return list
}

// options of opening a ledger for reading only.
func options(k Kind) chain.Options {
	o := chain.Options{ReadOnly: true, NoSync: k == Orderer}
	if k == Peer {
		o.Replay = validate.Updates
	}
	return o
}

// KindOf tells whose ledger is in dir, from its genesis block: peers note
// validation codes in it, orderers do not.
func KindOf(dir string) (Kind, error) {
	b, err := genesis(dir)
	if err != nil {
		return "", err
	}
	return kindOf(b), nil
}

func kindOf(genesis *common.Block) Kind {
	if len(block.Codes(genesis)) > 0 {
		return Peer
	}
	return Orderer
}

var errFirst = errors.New("the first is enough")

func genesis(dir string) (*common.Block, error) {
	// Opening for reading makes no directory, but says less about its absence.
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	var first []byte
	_, err := chain.ReadLog(dir, chain.Options{}, func(_ uint64, raw []byte, _, _ uint64) error {
		first = raw
		return errFirst
	})
	if err != nil && !errors.Is(err, errFirst) {
		return nil, fmt.Errorf("open ledger %s: %w", dir, err)
	}
	if first == nil {
		return nil, fmt.Errorf("the ledger in %s has no blocks", dir)
	}
	b := &common.Block{}
	if err := proto.Unmarshal(first, b); err != nil {
		return nil, fmt.Errorf("the first block of the ledger in %s: %w", dir, err)
	}
	return b, nil
}

// ChannelOf is the channel that the first block names.
func ChannelOf(b Blocks) (string, error) {
	first, err := blockAt(b, 0)
	if err != nil {
		return "", err
	}
	return block.ChannelID(first)
}

// CommitHash is the commit hash that a block carries, nil for none.
func CommitHash(b Blocks, number uint64) ([]byte, error) {
	found, err := blockAt(b, number)
	if err != nil {
		return nil, err
	}
	return block.CommitHash(found), nil
}

func blockAt(blocks Blocks, number uint64) (*common.Block, error) {
	raw, err := blocks.BlockBytes(number)
	if err != nil {
		return nil, err
	}
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	return b, nil
}
