package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/ledger/audit"
)

func txExplainCommand(t *txOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "explain --channel CHANNEL TXID",
		Short: "Tell what became of a transaction and why",
		Long: `Asks a peer what became of a transaction. Of an invalid one it names the reason:
the key that was outdated, its version when it was read and when the transaction
committed, and the transaction that wrote it in between; or the range whose result
changed; or the policy, who endorsed and whose endorsement is missing.

A peer knows the reason since it validated the block itself. It is no part of the
ledger, so a peer that crashed at that block or whose ledger was rebuilt does not
know it; then the channel's other peers are asked.`,
		Example: `  weft tx explain --channel channel1 6fe1961f9f0d…`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args[0]) == 0 || len(args[0]) > maxTxIDArgument {
				return usagef("%.20q… is no transaction id: it has 64 hexadecimal digits", args[0])
			}
			return t.explainTx(cmd.Context(), args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&t.channel, "channel", "", "channel (needed)")
	f.StringVar(&t.org, "org", "", "organisation to act for (default: the channel's first)")
	f.StringVar(&t.user, "user", access.User1, "user of the organisation")
	f.StringVar(&t.peer, "peer", "", "peer to ask, and no other (default: the organisation's first that answers)")
	must(c.MarkFlagRequired("channel"))
	return c
}

// maxTxIDArgument bounds what is sent as a transaction id.
const maxTxIDArgument = 256

func (t *txOptions) explainTx(ctx context.Context, id string) error {
	only := t.peer != ""
	a, s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	e, err := explanation(ctx, s, id)
	if err != nil {
		return t.explain(ctx, s, err)
	}
	from := s.Peer.Name
	if !e.Kept && e.Code != 0 && !only {
		if other, peer := t.askOthers(ctx, a, s, id); other != nil {
			e, from = other, peer
		}
	}
	if t.json() {
		return t.printJSON(struct {
			*audit.Explanation
			Meaning string `json:"meaning"`
			Peer    string `json:"peer"`
		}{e, client.Meaning(e.Code), from})
	}
	for _, line := range explanationLines(e, from) {
		t.printf("%s\n", line)
	}
	return nil
}

// explanation asks the session's peer.
func explanation(ctx context.Context, s *client.Session, id string) (*audit.Explanation, error) {
	res, err := s.Evaluate(ctx, client.NewRequest("qscc", "ExplainTransaction", s.Channel, id))
	if err != nil {
		return nil, err
	}
	e := &audit.Explanation{}
	if err := json.Unmarshal(res.Payload, e); err != nil {
		return nil, fmt.Errorf("read the answer of qscc/ExplainTransaction: %w", err)
	}
	return e, nil
}

// askOthers asks the channel's other peers for the reason; nil when none knows it.
// Whoever does not answer does not know it either.
func (t *txOptions) askOthers(ctx context.Context, a *access.Access, not *client.Session, id string) (*audit.Explanation, string) {
	peers, err := a.ChannelPeers(t.channel)
	if err != nil {
		return nil, ""
	}
	for _, p := range peers {
		if p.Name == not.Peer.Name {
			continue
		}
		s, err := a.Session(ctx, p, t.org, t.user, t.channel)
		if err != nil {
			continue
		}
		e, err := explanation(ctx, s, id)
		if err = errors.Join(err, s.Close()); err == nil && e.Kept {
			return e, p.Name
		}
	}
	return nil, ""
}

// explanationLines are the explanation for people.
func explanationLines(e *audit.Explanation, peer string) []string {
	lines := []string{fmt.Sprintf("transaction %s", e.TxID), "  " + place(e)}
	if call := calledBy(&e.Invocation); call != "" {
		lines = append(lines, "  "+call)
	}
	lines = append(lines, fmt.Sprintf("  code %d %s: %s", e.Code, e.CodeName, client.Meaning(e.Code)))
	switch {
	case e.Code == 0:
		return lines
	case !e.Kept:
		return append(lines, fmt.Sprintf("  why in particular is not known to %s: it took the block over after a crash or in a rebuild, or validated it with an older version", peer))
	case e.Conflict != nil:
		return append(lines, conflictLines(e)...)
	case e.Phantom != nil:
		return append(lines, phantomLines(e)...)
	case e.Policy != nil:
		return append(lines, policyLines(e)...)
	}
	return append(lines, "  "+e.Reason)
}

func place(e *audit.Explanation) string {
	return fmt.Sprintf("block %d, index %d", e.Block, e.Index)
}

// calledBy is what was called by whom, "" when neither is known.
func calledBy(i *audit.Invocation) string {
	var parts []string
	if i.Chaincode != "" {
		call := i.Chaincode
		if i.Function != "" {
			call = fmt.Sprintf("%s of %s", shown([]byte(i.Function)), i.Chaincode)
		}
		parts = append(parts, call)
	}
	if i.Creator != nil {
		parts = append(parts, "by "+i.Creator.String())
	}
	return strings.Join(parts, ", ")
}

func conflictLines(e *audit.Explanation) []string {
	c := e.Conflict
	key := fmt.Sprintf("key %s of %s", shown(c.Key), c.Namespace)
	if c.Collection != "" {
		key = fmt.Sprintf("private key with hash %x of %s, collection %s", []byte(c.KeyHash), c.Namespace, c.Collection)
	}
	lines := []string{"  " + key}
	return append(lines, versionLines(e.Block, c.Read, c.Found, c.Winner)...)
}

func versionLines(block uint64, read, found *audit.Version, w *audit.Winner) []string {
	lines := []string{"    read   " + versionText(read), "    found  " + versionText(found)}
	if found != nil && found.Block == block {
		lines[1] += ", of this block"
	}
	return append(lines, winnerLines(w)...)
}

func winnerLines(w *audit.Winner) []string {
	if w == nil {
		return nil
	}
	lines := []string{"    won    transaction " + w.TxID}
	if call := calledBy(&w.Invocation); call != "" {
		lines = append(lines, "           "+call)
	}
	return lines
}

func versionText(v *audit.Version) string {
	if v == nil {
		return "absent"
	}
	return fmt.Sprintf("version of block %d, index %d", v.Block, v.Tx)
}

func phantomLines(e *audit.Explanation) []string {
	p := e.Phantom
	end := "the end"
	if len(p.End) > 0 {
		end = shown(p.End)
	}
	lines := []string{fmt.Sprintf("  range from %s to %s of %s", shown(p.Start), end, p.Namespace)}
	if len(p.Key) == 0 {
		return append(lines, "    "+e.Reason)
	}
	lines = append(lines, "  its first difference is key "+shown(p.Key))
	return append(lines, versionLines(e.Block, p.Read, p.Found, p.Winner)...)
}

// policyOf says what the policy protects.
func policyOf(p *audit.Policy) string {
	switch {
	case p.Collection != "" && len(p.KeyHash) > 0:
		return fmt.Sprintf("the private key with hash %x of %s, collection %s", []byte(p.KeyHash), p.Namespace, p.Collection)
	case p.Collection != "":
		return fmt.Sprintf("collection %s of %s", p.Collection, p.Namespace)
	case len(p.Key) > 0:
		return fmt.Sprintf("key %s of %s", shown(p.Key), p.Namespace)
	}
	return "chaincode " + p.Namespace
}

func policyLines(e *audit.Explanation) []string {
	p := e.Policy
	lines := []string{"  endorsement policy of " + policyOf(p)}
	if p.Policy != "" {
		lines = append(lines, "    policy   "+p.Policy)
	}
	lines = append(lines, "    signed   "+someOf(p.Signed))
	if len(p.Missing) > 0 {
		lines = append(lines, "    missing  "+someOf(p.Missing))
	}
	return lines
}

func someOf(orgs []string) string {
	if len(orgs) == 0 {
		return "nobody"
	}
	return strings.Join(orgs, ", ")
}

// compositeKeyMark begins and ends a composite key and separates its parts.
const compositeKeyMark = "\x00"

// maxShownKey bounds a key on a line.
const maxShownKey = 200

// shown is a key for people: quoted, with what does not print escaped, and a
// composite one as its parts.
func shown(key []byte) string {
	if parts, ok := strings.CutPrefix(string(key), compositeKeyMark); ok && strings.HasSuffix(parts, compositeKeyMark) && len(key) <= maxShownKey {
		var quoted []string
		for _, p := range strings.Split(strings.TrimSuffix(parts, compositeKeyMark), compositeKeyMark) {
			quoted = append(quoted, fmt.Sprintf("%q", p))
		}
		return "(" + strings.Join(quoted, ", ") + ")"
	}
	if len(key) > maxShownKey {
		return fmt.Sprintf("%q…", key[:maxShownKey])
	}
	return fmt.Sprintf("%q", key)
}

// reason is the explanation on one line, "" when nothing more is known than the
// code says.
func reason(e *audit.Explanation) string {
	switch {
	case e == nil || !e.Kept:
		return ""
	case e.Policy != nil && e.Policy.Policy != "" && len(e.Policy.Missing) > 0:
		p := e.Policy
		return fmt.Sprintf("%s asks for %s: signed by %s, missing %s", policyOf(p), p.Policy, someOf(p.Signed), someOf(p.Missing))
	case e.Conflict != nil && e.Conflict.Winner != nil && e.Conflict.Collection == "":
		c := e.Conflict
		return fmt.Sprintf("key %s of %s was read at %s and is at %s, written by transaction %s", shown(c.Key), c.Namespace, shortVersion(c.Read), shortVersion(c.Found), c.Winner.TxID)
	}
	if e.Phantom != nil && e.Phantom.Winner != nil {
		return e.Reason + ", by transaction " + e.Phantom.Winner.TxID
	}
	return e.Reason
}

func shortVersion(v *audit.Version) string {
	if v == nil {
		return "absent"
	}
	return fmt.Sprintf("%d:%d", v.Block, v.Tx)
}
