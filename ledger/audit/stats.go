package audit

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
)

// maxLargest is how many of the largest blocks are named.
const maxLargest = 5

// Totals are what some blocks of a ledger hold.
type Totals struct {
	Blocks       uint64 `json:"blocks"`
	Transactions uint64 `json:"transactions"`
	// Bytes of the blocks as they are in the log.
	Bytes uint64 `json:"bytes"`
	// First and Last are the earliest and the latest time that a transaction
	// claims; nil when none does.
	First *time.Time `json:"firstTimestamp,omitempty"`
	Last  *time.Time `json:"lastTimestamp,omitempty"`
	// Codes counts transactions by validation code, the commonest first. It is
	// empty on orderers, which do not validate.
	Codes []CodeCount `json:"codes"`
	// Largest are the largest blocks, the largest first.
	Largest []BlockSize `json:"largestBlocks"`
	// Configs are the configurations that the blocks bring, in their order.
	Configs []ConfigVersion `json:"configurations"`
}

// CodeCount is how often a validation code was given.
type CodeCount struct {
	Code   string `json:"code"`
	Number int32  `json:"codeNumber"`
	Count  uint64 `json:"transactions"`
}

// BlockSize is the size of one block.
type BlockSize struct {
	Number       uint64 `json:"number"`
	Bytes        int    `json:"bytes"`
	Transactions int    `json:"transactions"`
}

// ConfigVersion is one configuration of the channel.
type ConfigVersion struct {
	Block    uint64 `json:"block"`
	Sequence uint64 `json:"sequence"`
	// Timestamp is what its maker claims.
	Timestamp *time.Time `json:"timestamp,omitempty"`
	Creator   *Identity  `json:"creator,omitempty"`
	// Members are the application organisations, by MSP id.
	Members []string `json:"members"`
	Problem string   `json:"problem,omitempty"`
}

// counter collects Totals.
type counter struct {
	Totals
	codes map[ledger.Code]uint64
}

// Count adds up the blocks from a number on. Progress, which may be nil, is told
// of every block that is done. With an error come the totals of the blocks before
// the one that could not be read.
func Count(ctx context.Context, blocks Blocks, from uint64, progress Progress) (*Totals, error) {
	c := counter{codes: map[ledger.Code]uint64{}}
	height := blocks.Height()
	for n := from; n < height; n++ {
		if err := ctx.Err(); err != nil {
			return c.totals(), err
		}
		raw, err := blocks.BlockBytes(n)
		if err != nil {
			return c.totals(), err
		}
		b := &common.Block{}
		if err := proto.Unmarshal(raw, b); err != nil {
			return c.totals(), fmt.Errorf("block %d: %w", n, err)
		}
		c.add(n, b, len(raw))
		progress.tell(n+1-from, height-from)
	}
	return c.totals(), nil
}

func (c *counter) add(number uint64, b *common.Block, size int) {
	envelopes := b.GetData().GetData()
	c.Blocks++
	c.Transactions += uint64(len(envelopes))
	c.Bytes += uint64(size)
	c.Largest = append(c.Largest, BlockSize{number, size, len(envelopes)})
	slices.SortStableFunc(c.Largest, func(a, b BlockSize) int { return cmp.Compare(b.Bytes, a.Bytes) })
	c.Largest = c.Largest[:min(len(c.Largest), maxLargest)]
	for _, code := range block.Codes(b) {
		c.codes[code]++
	}
	for _, raw := range envelopes {
		if at := claimed(raw); at != nil {
			c.span(*at)
		}
	}
	if block.IsConfig(b) {
		c.Configs = append(c.Configs, configVersion(number, b))
	}
}

func (c *counter) span(at time.Time) {
	if c.First == nil || at.Before(*c.First) {
		c.First = &at
	}
	if c.Last == nil || at.After(*c.Last) {
		c.Last = &at
	}
}

// claimed is the time in an envelope's channel header, nil when there is none. A
// genesis block that was made to have the same bytes again says the epoch.
func claimed(raw []byte) *time.Time {
	env, payload, header := &common.Envelope{}, &common.Payload{}, &common.ChannelHeader{}
	if proto.Unmarshal(raw, env) != nil || proto.Unmarshal(env.Payload, payload) != nil ||
		proto.Unmarshal(payload.GetHeader().GetChannelHeader(), header) != nil || header.GetTimestamp().GetSeconds() == 0 || !header.Timestamp.IsValid() {
		return nil
	}
	at := header.Timestamp.AsTime()
	return &at
}

func configVersion(number uint64, b *common.Block) ConfigVersion {
	v := ConfigVersion{Block: number, Timestamp: claimed(b.Data.Data[0]), Members: []string{}}
	t := ledger.ParseTx(b.Data.Data[0])
	v.Creator = identity(t.SignatureHeader.GetCreator())
	config, err := channel.FromBlock(b)
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	v.Sequence, v.Members = config.Sequence, slices.Sorted(maps.Keys(config.Application))
	return v
}

func (c *counter) totals() *Totals {
	t := c.Totals
	t.Codes = []CodeCount{}
	for code, n := range c.codes {
		t.Codes = append(t.Codes, CodeCount{code.String(), int32(code), n})
	}
	slices.SortFunc(t.Codes, func(a, b CodeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Number, b.Number))
	})
	if t.Largest == nil {
		t.Largest = []BlockSize{}
	}
	if t.Configs == nil {
		t.Configs = []ConfigVersion{}
	}
	return &t
}

// Stats is what is in a ledger and how much room it takes.
type Stats struct {
	Dir        string `json:"dir"`
	Channel    string `json:"channel"`
	Kind       Kind   `json:"kind"`
	Height     uint64 `json:"height"`
	Hash       Hash   `json:"hash"`
	CommitHash Hash   `json:"commitHash,omitempty"`
	Totals
	Disk       []DiskPart       `json:"disk"`
	Index      []IndexPart      `json:"index"`
	Namespaces []NamespaceCount `json:"namespaces"`
	Notes      []string         `json:"notes,omitempty"`
}

// DiskPart are the files of one folder of the ledger.
type DiskPart struct {
	Part  string `json:"part"`
	Files uint64 `json:"files"`
	Bytes uint64 `json:"bytes"`
}

// IndexPart counts one part of what is derived from the blocks. On disk it takes
// less: neighbours share what they have in common, and blocks of it are
// compressed.
type IndexPart struct {
	Part    string `json:"part"`
	Entries uint64 `json:"entries"`
	Bytes   uint64 `json:"bytes"`
}

// NamespaceCount counts the keys of a namespace, or of one of its collections of
// private data, of which it holds hashes.
type NamespaceCount struct {
	Namespace  string `json:"namespace"`
	Collection string `json:"collection,omitempty"`
	Keys       uint64 `json:"keys"`
	Bytes      uint64 `json:"bytes"`
}

// Name is the namespace for people.
func (n NamespaceCount) Name() string {
	switch {
	case n.Collection != "":
		return n.Namespace + ", collection " + n.Collection
	case n.Namespace == "":
		return "(the channel's configuration)"
	}
	return n.Namespace
}

// Stats counts everything. progress, which may be nil, is told what is being
// counted and how far that is.
func (r *Reader) Stats(ctx context.Context, progress func(what string, done, of uint64)) (*Stats, error) {
	tell := func(what string, done, of uint64) {
		if progress != nil {
			progress(what, done, of)
		}
	}
	totals, err := Count(ctx, r, 0, func(done, of uint64) { tell("blocks read", done, of) })
	if err != nil {
		return nil, err
	}
	s := &Stats{Dir: r.Dir, Channel: r.Channel, Kind: r.Kind, Height: r.Height(), Hash: r.LastHash(), CommitHash: r.CommitHash(),
		Totals: *totals, Index: []IndexPart{}, Namespaces: []NamespaceCount{}, Notes: r.Notes}
	if s.Disk, err = diskParts(r.Dir); err != nil {
		return nil, err
	}
	parts, err := r.Parts(ctx.Err)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		s.add(p)
	}
	return s, nil
}

func (s *Stats) add(p chain.Part) {
	if n := len(s.Index); n > 0 && s.Index[n-1].Part == p.Part {
		s.Index[n-1].Entries += p.Entries
		s.Index[n-1].Bytes += p.Bytes
	} else {
		s.Index = append(s.Index, IndexPart{p.Part, p.Entries, p.Bytes})
	}
	if p.Part == chain.PartState || p.Part == chain.PartHashedState {
		s.Namespaces = append(s.Namespaces, NamespaceCount{p.Namespace, p.Collection, p.Entries, p.Bytes})
	}
}

// diskParts adds up the files below a ledger's directory by its folders.
func diskParts(dir string) ([]DiskPart, error) {
	var parts []DiskPart
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		p := DiskPart{Part: e.Name()}
		err := filepath.WalkDir(filepath.Join(dir, e.Name()), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				p.Files, p.Bytes = p.Files+1, p.Bytes+uint64(info.Size())
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
