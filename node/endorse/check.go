package endorse

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// denied is an access refusal whose text says only what an outsider may know;
// the reason is for this node's log.
type denied struct {
	text   string
	reason error
}

func (d *denied) Error() string { return d.text }
func (d *denied) Unwrap() error { return d.reason }

// Verify makes the checks of a proposal that stay true for ever: its headers
// are sound, its transaction id is its own, and its creator belongs to set and
// signed it. It sets Creator. Expiry and timestamp are asked for at the door
// only, by Process.
func (p *Proposal) Verify(set *ident.Set) error {
	ch := p.ChannelHeader
	// Stock clients send JoinChain proposals with type CONFIG.
	switch t := common.HeaderType(ch.GetType()); t {
	case common.HeaderType_ENDORSER_TRANSACTION, common.HeaderType_CONFIG:
	default:
		return fmt.Errorf("invalid header type %s", t)
	}
	if ch.GetEpoch() != 0 {
		return errors.New("epoch is non-zero")
	}
	if len(p.Nonce) == 0 {
		return errors.New("nonce is empty")
	}
	if len(p.CreatorBytes) == 0 {
		return errors.New("creator is empty")
	}
	if want := ident.TxID(p.Nonce, p.CreatorBytes); p.TxID != want {
		return fmt.Errorf("incorrectly computed txid '%s' -- expected '%s'", p.TxID, want)
	}
	if len(p.Signed.GetSignature()) == 0 {
		return errors.New("empty signature bytes")
	}
	return p.authenticate(set)
}

func (p *Proposal) authenticate(set *ident.Set) error {
	id, err := set.Identity(p.CreatorBytes)
	if err != nil {
		return p.denyUnknown(set, err)
	}
	if err := id.Verify(p.Signed.ProposalBytes, p.Signed.Signature); err != nil {
		return p.deny(id.MSPID, fmt.Errorf("signature over the proposal: %w", err))
	}
	p.Creator, p.verified = id, set
	return nil
}

func (p *Proposal) deny(org string, reason error) error {
	return &denied{
		text:   fmt.Sprintf("access denied: channel [%s] creator org [%s]", p.ChannelID, org),
		reason: reason,
	}
}

// denyUnknown tells a creator of no known organisation, or one that is no
// certificate at all, from a certificate that its organisation does not accept.
func (p *Proposal) denyUnknown(set *ident.Set, reason error) error {
	sid := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(p.CreatorBytes, sid); err == nil && set.MSP(sid.Mspid) != nil {
		if b, _ := pem.Decode(sid.IdBytes); b != nil {
			if _, err := x509.ParseCertificate(b.Bytes); err == nil {
				return p.deny(sid.Mspid, reason)
			}
		}
	}
	return &denied{
		text:   fmt.Sprintf("access denied: channel [%s] creator org unknown, creator is malformed", p.ChannelID),
		reason: reason,
	}
}

// check decides whether this peer works on the proposal now.
func (e *Endorser) check(p *Proposal) error {
	set := e.cfg.LocalMSPs
	if p.Channel != nil {
		set = p.Channel.Config().MSPs
	}
	if err := p.Verify(set); err != nil {
		return fmt.Errorf("error validating proposal: %w", err)
	}
	if err := atTheDoor(p, e.cfg.Now()); err != nil {
		return err
	}
	if p.Channel == nil {
		return nil // cannot become a transaction: nothing to be unique in
	}
	if err := notDuplicate(p); err != nil {
		return err
	}
	if _, system := e.cfg.System[p.Chaincode]; system {
		return nil // system chaincodes have an ACL per function
	}
	if err := Authorize(p, p.Channel.Config(), ResourcePropose); err != nil {
		return p.deny(p.Creator.MSPID, err)
	}
	return nil
}

// atTheDoor makes the checks against this peer's clock.
func atTheDoor(p *Proposal, now time.Time) error {
	if at := p.Creator.ExpiresAt(); !at.IsZero() && now.After(at) {
		return fmt.Errorf("proposal client identity expired: identity expired at %s", at.UTC().Format(time.RFC3339))
	}
	ts := p.ChannelHeader.GetTimestamp()
	if err := ts.CheckValid(); err != nil {
		return fmt.Errorf("request unauthorized due to incorrect timestamp: %w", err)
	}
	at := ts.AsTime()
	if at.Add(Window).Before(now) || at.Add(-Window).After(now) {
		return fmt.Errorf("request unauthorized due to incorrect timestamp %s, peer time %s, peer.authentication.timewindow %s",
			at.Format(time.RFC3339), now.UTC().Format(time.RFC3339), Window)
	}
	return nil
}

func notDuplicate(p *Proposal) error {
	switch known, err := p.Channel.Ledger().HasTx(p.TxID); {
	case err != nil:
		return fmt.Errorf("look up transaction %s on channel %s: %w", p.TxID, p.ChannelID, err)
	case known:
		return fmt.Errorf("duplicate transaction found [%s]. Creator [%x]", p.TxID, p.CreatorBytes)
	}
	return nil
}
