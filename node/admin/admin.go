// Package admin serves the orderer's channel participation API, the one that
// osnadmin speaks: list, join and remove channels, and read their blocks.
//
// It trusts its caller: the listener in front of it lets in clients with an
// administrator's TLS certificate only. Answers and their statuses are
// Fabric's; a refusal is JSON with one field, error.
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/order"
	"google.golang.org/protobuf/proto"
)

const (
	base     = "/participation/v1/"
	channels = order.URLBase
	// joinField is the form field that carries the block.
	joinField = "config-block"
	// maxBody bounds a request: Fabric's default for a join block.
	maxBody = 1 << 20
)

// Channels is what the API needs of an orderer; *order.Registrar is one.
type Channels interface {
	List() []order.Info
	Info(id string) (order.Info, error)
	Join(genesis *common.Block) (order.Info, error)
	Remove(id string) error
	Channel(id string) (*order.Channel, bool)
}

// Handler serves the API.
func Handler(c Channels, log *slog.Logger) http.Handler {
	h := &handler{channels: c, log: log}
	one, blocks := channels+"/{id}", channels+"/{id}/blocks/{block}"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+channels, h.list)
	mux.HandleFunc("POST "+channels, h.join)
	mux.HandleFunc("PUT "+channels, h.update)
	mux.HandleFunc(channels, notAllowed("GET, POST, PUT"))
	mux.HandleFunc("GET "+one, h.info)
	mux.HandleFunc("DELETE "+one, h.remove)
	mux.HandleFunc(one, notAllowed("GET, DELETE"))
	mux.HandleFunc("GET "+blocks, h.block)
	mux.HandleFunc(blocks, notAllowed("GET"))
	mux.Handle("GET "+base+"{$}", http.RedirectHandler(channels, http.StatusFound))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Errorf("there is nothing at %s; the channels are at %s", r.URL.Path, channels))
	})
	return acceptable(mux)
}

type handler struct {
	channels Channels
	log      *slog.Logger
}

// shortInfo is an entry of the list.
type shortInfo struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type channelList struct {
	SystemChannel *shortInfo  `json:"systemChannel"` // always null: there is none since Fabric 3
	Channels      []shortInfo `json:"channels"`
}

func (h *handler) list(w http.ResponseWriter, _ *http.Request) {
	all := h.channels.List()
	list := channelList{Channels: make([]shortInfo, len(all))}
	for i, info := range all {
		list.Channels[i] = shortInfo{Name: info.Name, URL: info.URL}
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, list)
}

func (h *handler) info(w http.ResponseWriter, r *http.Request) {
	id, ok := channelID(w, r)
	if !ok {
		return
	}
	info, err := h.channels.Info(id)
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, info)
}

func (h *handler) join(w http.ResponseWriter, r *http.Request) {
	b := &common.Block{}
	raw, err := formFile(w, r, joinField)
	if err == nil {
		if err = proto.Unmarshal(raw, b); err != nil {
			err = fmt.Errorf("cannot unmarshal file part %s into a block: %w", joinField, err)
		}
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	info, err := h.channels.Join(b)
	switch {
	case errors.Is(err, order.ErrChannelExists):
		w.Header().Set("Allow", "GET, DELETE")
		fail(w, http.StatusMethodNotAllowed, fmt.Errorf("cannot join: %w", err))
	case err != nil && strings.HasPrefix(err.Error(), "invalid join block"):
		fail(w, http.StatusBadRequest, err)
	case err != nil:
		fail(w, http.StatusBadRequest, fmt.Errorf("cannot join: %w", err))
	default:
		w.Header().Set("Location", info.URL)
		answer(w, http.StatusCreated, info)
	}
}

func (h *handler) update(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusNotImplemented, errors.New("cannot update: configuration updates are not supported by this version"))
}

func (h *handler) remove(w http.ResponseWriter, r *http.Request) {
	id, ok := channelID(w, r)
	if !ok {
		return
	}
	switch err := h.channels.Remove(id); {
	case errors.Is(err, order.ErrChannelUnknown):
		fail(w, http.StatusNotFound, fmt.Errorf("cannot remove: %w", err))
	case err != nil:
		h.log.Error("removing a channel failed", "channel", id, "error", err)
		fail(w, http.StatusInternalServerError, fmt.Errorf("cannot remove: %w", err))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func channelID(w http.ResponseWriter, r *http.Request) (string, bool) {
	id := r.PathValue("id")
	if err := channel.CheckID(id); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("invalid channel ID: %w", err))
		return "", false
	}
	return id, true
}

// acceptable refuses clients that do not take JSON.
func acceptable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, accept := range r.Header.Values("Accept") {
			if !strings.Contains(accept, "application/json") && !strings.Contains(accept, "application/*") && !strings.Contains(accept, "*/*") {
				fail(w, http.StatusNotAcceptable, errors.New("response Content-Type is application/json only"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, fmt.Errorf("invalid request method: %s", r.Method))
	}
}

func fail(w http.ResponseWriter, status int, err error) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is out; a client that went away cannot be told more.
	_ = json.NewEncoder(w).Encode(v)
}
