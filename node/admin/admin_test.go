package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/admin"
	"github.com/weft-network/weft/node/order"
	"google.golang.org/protobuf/proto"
)

// idle is a consensus that orders nothing.
type idle struct{}

func (idle) Submit(_ order.Message, done func(error)) { done(order.ErrNoLeader) }
func (idle) Step(uint64, []byte) error                { return nil }
func (idle) Leader() uint64                           { return 0 }
func (idle) Leaderless() <-chan struct{}              { return nil }
func (idle) Run(ctx context.Context) error            { <-ctx.Done(); return nil }

// api is the handler of an orderer without channels, and a block it may join.
func api(t *testing.T) (http.Handler, []byte) {
	ord := catest.NewOrderer(t)
	genesis := channeltest.Genesis(t, "mychannel", ord, []*catest.Org{catest.New(t, "Org1")})
	member := ord.Orderer("orderer0")
	reg, err := order.Open(order.Config{
		Dir: t.TempDir(), Signer: member.Signer(), TLSCert: member.TLSCert.Leaf, Log: slog.New(slog.DiscardHandler),
		Consensus: func(*order.Channel, uint64, string) (order.Consensus, error) { return idle{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reg.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, reg.Close()); err != nil {
			t.Error(err)
		}
	})
	raw, err := proto.Marshal(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return admin.Handler(reg, slog.New(slog.DiscardHandler)), raw
}

func do(h http.Handler, method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// form is a body as osnadmin makes it.
func form(t *testing.T, field string, data []byte) (io.Reader, string) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile(field, "config.block")
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	return &body, m.FormDataContentType()
}

func TestAChannelsLifeByTheAPI(t *testing.T) {
	h, block := api(t)
	const all, one = "/participation/v1/channels", "/participation/v1/channels/mychannel"
	info := `{"name":"mychannel","url":"` + one + `","consensusRelation":"consenter","status":"active","height":1}`
	post := func() *httptest.ResponseRecorder {
		body, kind := form(t, "config-block", block)
		return do(h, "POST", all, body, "Content-Type", kind)
	}
	is := func(what string, w *httptest.ResponseRecorder, status int, body string) {
		t.Helper()
		if w.Code != status || strings.TrimSpace(w.Body.String()) != body {
			t.Errorf("%s: %d %s, want %d %s", what, w.Code, w.Body, status, body)
		}
	}
	is("list of none", do(h, "GET", all, nil), 200, `{"systemChannel":null,"channels":[]}`)
	is("info of none", do(h, "GET", one, nil), 404, `{"error":"channel does not exist"}`)
	joined := post()
	is("join", joined, 201, info)
	if at := joined.Header().Get("Location"); at != one {
		t.Errorf("Location %q", at)
	}
	is("join again", post(), 405, `{"error":"cannot join: channel already exists"}`)
	is("list", do(h, "GET", all, nil), 200, `{"systemChannel":null,"channels":[{"name":"mychannel","url":"`+one+`"}]}`)
	is("info", do(h, "GET", one, nil), 200, info)

	got := &common.Block{}
	for _, which := range []string{"newest", "oldest", "config", "0"} {
		w := do(h, "GET", one+"/blocks/"+which, nil)
		if err := proto.Unmarshal(w.Body.Bytes(), got); w.Code != 200 || err != nil || got.GetHeader() == nil {
			t.Errorf("block %s: %d %v", which, w.Code, err)
		}
	}
	if w := do(h, "GET", one+"/blocks/1", nil); w.Code != 404 {
		t.Errorf("a block that is not there: %d", w.Code)
	}
	is("remove", do(h, "DELETE", one, nil), 204, "")
	is("remove again", do(h, "DELETE", one, nil), 404, `{"error":"cannot remove: channel does not exist"}`)
}

func TestWrongRequestsAreRefusedAsFabricDoes(t *testing.T) {
	h, block := api(t)
	const all = "/participation/v1/channels"
	for _, k := range []struct {
		name         string
		method, path string
		field        string
		data         []byte
		header       []string
		status       int
		text         string
	}{
		{"no form", "POST", all, "", nil, []string{"Content-Type", "text/plain"}, 400, "unsupported Content-Type"},
		{"another field", "POST", all, "block", block, nil, 400, "form does not contains part key: config-block"},
		{"no block", "POST", all, "config-block", []byte("x"), nil, 400, "cannot unmarshal file part config-block into a block"},
		{"an empty block", "POST", all, "config-block", nil, nil, 400, "invalid join block: block is not a config block"},
		{"too large", "POST", all, "config-block", make([]byte, 2<<20), nil, 400, "cannot read form from request body"},
		{"a bad name", "GET", all + "/MyChannel", "", nil, nil, 400, "invalid channel ID"},
		{"a bad block number", "GET", all + "/mychannel/blocks/x", "", nil, nil, 400, "invalid block ID"},
		{"a bad method", "PATCH", all, "", nil, nil, 405, "invalid request method: PATCH"},
		{"a bad method on a channel", "POST", all + "/mychannel", "", nil, nil, 405, "invalid request method: POST"},
		{"no JSON wanted", "GET", all, "", nil, []string{"Accept", "text/html"}, 406, "application/json only"},
		{"a config update", "PUT", all, "", nil, nil, 501, "configuration updates are not supported"},
		{"elsewhere", "GET", "/x", "", nil, nil, 404, "the channels are at"},
	} {
		t.Run(k.name, func(t *testing.T) {
			var body io.Reader
			if k.field != "" {
				var kind string
				body, kind = form(t, k.field, k.data)
				k.header = []string{"Content-Type", kind}
			}
			w := do(h, k.method, k.path, body, k.header...)
			if w.Code != k.status || !strings.Contains(w.Body.String(), k.text) || !strings.HasPrefix(w.Body.String(), `{"error":`) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, k.status, k.text)
			}
		})
	}
}
