package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// txOptions are the flags of weft tx.
type txOptions struct {
	*options
	channel, chaincode string
	org, user, peer    string
	transient          map[string]string
	init, trace        bool
	endorsers          []string
}

func txCommand(o *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "tx",
		Short: "Call chaincode: submit a transaction or evaluate a query, and explain what became of one",
	}
	c.AddCommand(txSubmitCommand(&txOptions{options: o}), txEvaluateCommand(&txOptions{options: o}), txExplainCommand(&txOptions{options: o}))
	return c
}

func txSubmitCommand(t *txOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "submit --channel CHANNEL --chaincode NAME FUNCTION [ARGUMENT...]",
		Short: "Submit a transaction and wait until it is committed",
		Long: `Submit a transaction through the Fabric Gateway service of a peer and wait until
it is committed there. The chaincode's answer goes to standard output.

A transaction that the peers find invalid is on the ledger without effect; the
command prints its validation code and ends with 1.`,
		Example: `  weft tx submit --channel channel1 --chaincode asset Create car1 Ada 1000
  weft tx submit --channel channel1 --chaincode asset --trace Transfer car1 Bob`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.submit(cmd.Context(), args) },
	}
	t.flags(c)
	c.Flags().BoolVar(&t.init, "init", false, "call it as the initialisation that the definition requires")
	return c
}

func txEvaluateCommand(t *txOptions) *cobra.Command {
	c := &cobra.Command{
		Use:     "evaluate --channel CHANNEL --chaincode NAME FUNCTION [ARGUMENT...]",
		Aliases: []string{"query"},
		Short:   "Ask a query; nothing is ordered and nothing changes",
		Example: `  weft tx evaluate --channel channel1 --chaincode asset Read car1`,
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return t.evaluate(cmd.Context(), args) },
	}
	t.flags(c)
	return c
}

func (t *txOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.SetInterspersed(false) // arguments of the chaincode may begin with a dash
	f.StringVar(&t.channel, "channel", "", "channel (needed)")
	f.StringVar(&t.chaincode, "chaincode", "", "name of the chaincode (needed)")
	f.StringVar(&t.org, "org", "", "organisation to act for (default: the channel's first)")
	f.StringVar(&t.user, "user", access.User1, "user of the organisation")
	f.StringVar(&t.peer, "peer", "", "peer whose gateway to use (default: the organisation's first that answers)")
	f.StringToStringVar(&t.transient, "transient", nil, "transient data that is not part of the transaction, as key=value")
	f.StringSliceVar(&t.endorsers, "endorsing-orgs", nil, "have exactly these organisations endorse, instead of those that the policy asks for")
	f.BoolVar(&t.trace, "trace", false, "print the steps of the transaction with their times")
	for _, name := range []string{"channel", "chaincode"} {
		_ = c.MarkFlagRequired(name) // it exists: defined above
	}
}

// request is what the arguments ask.
func (t *txOptions) request(a *access.Access, args []string) (client.Request, error) {
	r := client.NewRequest(t.chaincode, args[0], args[1:]...)
	r.Init = t.init
	for k, v := range t.transient {
		if r.Transient == nil {
			r.Transient = map[string][]byte{}
		}
		r.Transient[k] = []byte(v)
	}
	for _, name := range t.endorsers {
		o, err := a.Net.Org(name)
		if err != nil {
			return r, err
		}
		r.Orgs = append(r.Orgs, o.MSPID)
	}
	return r, nil
}

// open finds out who connects to whom.
func (t *txOptions) open(ctx context.Context) (*access.Access, *client.Session, error) {
	n, err := t.network()
	if err != nil {
		return nil, nil, err
	}
	a := access.New(n)
	members, err := a.Members(t.channel)
	if err != nil {
		return nil, nil, err
	}
	if t.org == "" {
		t.org = members[0].Name
		if p, err := n.Node(t.peer); t.peer != "" && err == nil {
			t.org = p.Org
		}
	}
	if t.peer == "" {
		s, err := a.Gateway(ctx, t.org, t.user, t.channel)
		return a, s, err
	}
	p, err := n.Node(t.peer)
	if err != nil {
		return nil, nil, err
	}
	if p.Role != devnet.RolePeer {
		return nil, nil, fmt.Errorf("%s is an orderer: transactions go to the gateway of a peer", p.Name)
	}
	s, err := a.Session(ctx, p, t.org, t.user, t.channel)
	return a, s, err
}

func (t *txOptions) evaluate(ctx context.Context, args []string) error {
	a, s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := t.request(a, args)
	if err != nil {
		return err
	}
	if t.trace {
		tr, err := client.TraceQuery(ctx, s.Peer, s.Identity(), t.channel, r)
		if err != nil {
			return t.explain(ctx, s, err)
		}
		return t.printTrace(tr)
	}
	res, err := s.Evaluate(ctx, r)
	if err != nil {
		return t.explain(ctx, s, err)
	}
	return t.print(res, nil)
}

func (t *txOptions) submit(ctx context.Context, args []string) error {
	a, s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := t.request(a, args)
	if err != nil {
		return err
	}
	if t.trace {
		tr, err := t.traceUpdate(ctx, a, s, r)
		if err != nil {
			return t.explain(ctx, s, err)
		}
		if err := t.printTrace(tr); err != nil {
			return err
		}
		return t.judge(ctx, s, &tr.Result)
	}
	res, err := s.Submit(ctx, r)
	if err != nil {
		return t.explain(ctx, s, err)
	}
	if err := t.print(res, nil); err != nil {
		return err
	}
	return t.judge(ctx, s, res)
}

func (t *txOptions) traceUpdate(ctx context.Context, a *access.Access, s *client.Session, r client.Request) (*client.Trace, error) {
	var errs []error
	for _, o := range a.Net.Orderers() {
		target := access.Target(o)
		conn, err := target.Open(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := conn.Close(); err != nil {
			return nil, err
		}
		return client.TraceUpdate(ctx, s.Peer, target, s.Identity(), t.channel, r)
	}
	return nil, errors.Join(errs...)
}

// txOutput is a transaction for machines.
type txOutput struct {
	TxID    string `json:"transactionID"`
	Code    string `json:"code,omitempty"`
	Number  *int32 `json:"codeNumber,omitempty"`
	Block   uint64 `json:"block,omitempty"`
	Payload string `json:"payload"`
	// Encoding of the payload: text, or hex when it is not UTF-8.
	Encoding string        `json:"payloadEncoding"`
	Event    *eventOutput  `json:"event,omitempty"`
	Times    txTimes       `json:"times"`
	Steps    []client.Step `json:"steps,omitempty"`
}

type eventOutput struct {
	Name    string `json:"name"`
	Block   uint64 `json:"block"`
	Payload string `json:"payload"`
}

// txTimes are milliseconds.
type txTimes struct {
	Endorse float64 `json:"endorseMs"`
	Submit  float64 `json:"submitMs,omitempty"`
	Commit  float64 `json:"commitMs,omitempty"`
	Total   float64 `json:"totalMs"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (t *txOptions) print(r *client.Result, tr *client.Trace) error {
	if !t.json() {
		if len(r.Payload) > 0 {
			t.printf("%s\n", r.Payload)
		}
		return nil
	}
	out := txOutput{TxID: r.TxID, Block: r.Block, Payload: string(r.Payload), Encoding: "text", Times: txTimes{
		Endorse: milliseconds(r.Times.Endorse), Submit: milliseconds(r.Times.Submit),
		Commit: milliseconds(r.Times.Commit), Total: milliseconds(r.Times.Total)}}
	if !utf8.Valid(r.Payload) {
		out.Payload, out.Encoding = hex.EncodeToString(r.Payload), "hex"
	}
	if r.Block > 0 { // a transaction is never in the genesis block
		number := int32(r.Code)
		out.Code, out.Number = r.Code.String(), &number
	}
	if tr != nil {
		out.Steps = tr.Steps
		if tr.Event != nil {
			out.Event = &eventOutput{tr.Event.EventName, tr.Event.BlockNumber, string(tr.Event.Payload)}
		}
	}
	return t.printJSON(out)
}

func (t *txOptions) printTrace(tr *client.Trace) error {
	if t.json() {
		return t.print(&tr.Result, tr)
	}
	for _, line := range client.StepLines(tr.Steps) {
		_, _ = fmt.Fprintln(t.stderr, line)
	}
	return t.print(&tr.Result, tr)
}

// judge tells of a transaction that is on the ledger without effect, and why, if
// the peer says so.
func (t *txOptions) judge(ctx context.Context, s *client.Session, r *client.Result) error {
	if r.Valid() {
		return nil
	}
	why := ""
	if e, err := explanation(ctx, s, r.TxID); err == nil {
		if text := reason(e); text != "" {
			why = ": " + text
		}
	}
	return fmt.Errorf("transaction %s is in block %d with validation code %d %s: %s%s", r.TxID, r.Block, int32(r.Code), r.Code, client.Meaning(r.Code), why)
}

// explain prints what each endpoint said, where there are several, and returns
// what to do about it.
func (t *txOptions) explain(ctx context.Context, s *client.Session, err error) error {
	var f *client.Failure
	if !errors.As(err, &f) {
		return err
	}
	if t.json() {
		if err := t.printJSON(struct {
			Error *client.Failure `json:"error"`
			Code  string          `json:"grpcCode"`
		}{f, f.Code.String()}); err != nil {
			return err
		}
	} else if len(f.Details) > 1 {
		w := tabwriter.NewWriter(t.stderr, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "ORGANISATION\tENDPOINT\tSAID")
		for _, d := range f.Details {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", d.MSPID, d.Address, strings.ReplaceAll(d.Message, "\n", " "))
		}
		_ = w.Flush() // to standard error: nobody to tell
	}
	message := f.Message
	if len(f.Details) == 1 { // it says all
		d := f.Details[0]
		message = fmt.Sprintf("%s (%s, %s)", d.Message, d.MSPID, d.Address)
	}
	if hint := s.Hint(ctx, t.chaincode, f); hint != "" {
		message += ": " + hint
	}
	return fmt.Errorf("%s was refused by %s: %s", f.Step, s.Peer.Name, message)
}
