package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger/channel"
)

// Form is what a line of an export is.
type Form int

// The forms of an export.
const (
	FormBlocks       Form = iota // a Block
	FormTransactions             // a TransactionLine
	FormFabric                   // a block as configtxlator prints it
)

// TransactionLine is a line of an export of transactions.
type TransactionLine struct {
	Block     uint64 `json:"block"`
	BlockHash Hash   `json:"blockHash"`
	Transaction
}

// Export writes the blocks from one to another, both included, as JSON, one
// object a line; to may be beyond the newest. A block that cannot be decoded
// ends it with an error that names the block.
func Export(ctx context.Context, blocks Blocks, w io.Writer, form Form, from, to uint64, progress Progress) error {
	height := blocks.Height()
	if height == 0 || from >= height {
		return nil
	}
	to = min(to, height-1)
	for n := from; n <= to; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := blockAt(blocks, n)
		if err == nil {
			err = exportBlock(w, b, form)
		}
		if err != nil {
			return fmt.Errorf("export block %d: %w", n, err)
		}
		progress.tell(n-from+1, to-from+1)
	}
	return nil
}

func exportBlock(w io.Writer, b *common.Block, form Form) error {
	if form == FormFabric {
		return fabricLine(w, b)
	}
	d, err := Decode(b)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if form == FormBlocks {
		return lines.Encode(d)
	}
	for _, tx := range d.Transactions {
		if err := lines.Encode(TransactionLine{d.Number, d.Hash, tx}); err != nil {
			return err
		}
	}
	return nil
}

func fabricLine(w io.Writer, b *common.Block) error {
	text, err := channel.JSON(b)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err = w.Write(line.Bytes())
	return err
}
