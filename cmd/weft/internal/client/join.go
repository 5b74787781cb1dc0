package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// ErrJoined is wrapped when a node is on the channel already.
var ErrJoined = errors.New("the node has joined the channel already")

// maxAnswerBytes bounds what is read of an orderer's answer, which is small.
const maxAnswerBytes = 1 << 20

// JoinPeer has the peer join the channel of a genesis block. Its organisation's
// administrator may ask that.
func JoinPeer(ctx context.Context, conn grpc.ClientConnInterface, admin *Identity, genesis []byte) error {
	_, err := admin.Ask(ctx, conn, Call{Chaincode: "cscc", Args: [][]byte{[]byte("JoinChain"), genesis}})
	var refused *RefusedError
	if errors.As(err, &refused) && strings.Contains(refused.Message, "already exists") {
		return fmt.Errorf("%w: %w", ErrJoined, err)
	}
	return err
}

// ConfigBlock is the channel's newest config block, as a peer has it.
func ConfigBlock(ctx context.Context, conn grpc.ClientConnInterface, id *Identity, channel string) (*common.Block, error) {
	raw, err := id.Ask(ctx, conn, Call{Chaincode: "cscc", Args: [][]byte{[]byte("GetConfigBlock"), []byte(channel)}})
	if err != nil {
		return nil, err
	}
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("the answer is no block: %w", err)
	}
	return b, nil
}

// JoinOrderer has an orderer join the channel of a config block, through the
// participation API on its admin port. admin's TLS certificate must be under a
// CA that the port accepts; tlsCAFile is the CA of the orderer's own.
func JoinOrderer(ctx context.Context, adminAddr, tlsCAFile string, admin *Identity, block []byte) error {
	roots, err := loadRoots(tlsCAFile)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{admin.TLS}},
	}
	req, err := joinRequest(ctx, adminAddr, block)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return joinAnswer(resp)
}

func joinRequest(ctx context.Context, addr string, block []byte) (*http.Request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("config-block", "config.block")
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(block); err != nil {
		return nil, err
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+addr+"/participation/v1/channels", &body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	return req, nil
}

func joinAnswer(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Error == "" {
		answer.Error = strings.TrimSpace(string(text))
	}
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusOK:
		return nil
	case http.StatusMethodNotAllowed:
		return fmt.Errorf("%w: %s", ErrJoined, answer.Error)
	}
	return fmt.Errorf("%s: %s", resp.Status, answer.Error)
}
