package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/node/order"
	"google.golang.org/protobuf/proto"
)

// block answers with the bytes of a block: a number, newest, oldest or config.
func (h *handler) block(w http.ResponseWriter, r *http.Request) {
	id, ok := channelID(w, r)
	if !ok {
		return
	}
	which, err := blockSelector(r.PathValue("block"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	c, ok := h.channels.Channel(id)
	if !ok {
		fail(w, http.StatusNotFound, order.ErrChannelUnknown)
		return
	}
	b, err := which(c.Ledger())
	if errors.Is(err, chain.ErrNotFound) {
		fail(w, http.StatusNotFound, fmt.Errorf("channel %s has no such block: %w", id, err))
		return
	}
	var raw []byte
	if err == nil {
		raw, err = proto.Marshal(b)
	}
	if err != nil {
		h.log.Error("reading a block failed", "channel", id, "error", err)
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(raw) // the status is out; a client that went away cannot be told more
}

func blockSelector(text string) (func(*chain.Chain) (*common.Block, error), error) {
	switch text {
	case "newest":
		return func(c *chain.Chain) (*common.Block, error) { return c.Block(c.Height() - 1) }, nil
	case "oldest":
		return func(c *chain.Chain) (*common.Block, error) { return c.Block(0) }, nil
	case "config":
		return (*chain.Chain).LastConfigBlock, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("invalid block ID: %q is not newest, oldest, config or a number", text)
	}
	return func(c *chain.Chain) (*common.Block, error) { return c.Block(n) }, nil
}
