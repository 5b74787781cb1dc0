package deliver

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
)

// PeerServer serves protos.Deliver.
type PeerServer struct {
	peer.UnimplementedDeliverServer
	Service *Service
}

// Deliver streams whole blocks.
func (p PeerServer) Deliver(st peer.Deliver_DeliverServer) error {
	return p.Service.serve(st.Context(), Blocks, peerSink{st, Blocks})
}

// DeliverFiltered streams blocks without payloads.
func (p PeerServer) DeliverFiltered(st peer.Deliver_DeliverFilteredServer) error {
	return p.Service.serve(st.Context(), Filtered, peerSink{st, Filtered})
}

// DeliverWithPrivateData streams whole blocks with the private data that the
// client may read; there is none yet.
func (p PeerServer) DeliverWithPrivateData(st peer.Deliver_DeliverWithPrivateDataServer) error {
	return p.Service.serve(st.Context(), WithPrivateData, peerSink{st, WithPrivateData})
}

// peerSink answers on one of the three streams of protos.Deliver, which are of
// one form.
type peerSink struct {
	stream peer.Deliver_DeliverServer
	kind   Kind
}

func (s peerSink) recv() (*common.Envelope, error) { return s.stream.Recv() }

func (s peerSink) status(st common.Status) error {
	return s.stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_Status{Status: st}})
}

func (s peerSink) block(ch string, b *common.Block) error {
	r := new(peer.DeliverResponse)
	switch s.kind {
	case Filtered:
		r.Type = &peer.DeliverResponse_FilteredBlock{FilteredBlock: filter(ch, b)}
	case WithPrivateData:
		r.Type = &peer.DeliverResponse_BlockAndPrivateData{BlockAndPrivateData: &peer.BlockAndPrivateData{Block: b}}
	default:
		r.Type = &peer.DeliverResponse_Block{Block: b}
	}
	return s.stream.Send(r)
}

// Orderer answers the Deliver half of orderer.AtomicBroadcast.
func (s *Service) Orderer(st orderer.AtomicBroadcast_DeliverServer) error {
	return s.serve(st.Context(), Blocks, ordererSink{st})
}

type ordererSink struct {
	stream orderer.AtomicBroadcast_DeliverServer
}

func (s ordererSink) recv() (*common.Envelope, error) { return s.stream.Recv() }

func (s ordererSink) status(st common.Status) error {
	return s.stream.Send(&orderer.DeliverResponse{Type: &orderer.DeliverResponse_Status{Status: st}})
}

func (s ordererSink) block(_ string, b *common.Block) error {
	return s.stream.Send(&orderer.DeliverResponse{Type: &orderer.DeliverResponse_Block{Block: b}})
}

// filter strips a block to ids, types, codes and events without payload. A
// block whose data was left out on request has no transactions to tell of.
func filter(ch string, raw *common.Block) *peer.FilteredBlock {
	f := &peer.FilteredBlock{ChannelId: ch, Number: raw.GetHeader().GetNumber()}
	codes := block.Codes(raw)
	for i, env := range raw.GetData().GetData() {
		code := peer.TxValidationCode_NOT_VALIDATED
		if i < len(codes) {
			code = codes[i]
		}
		f.FilteredTransactions = append(f.FilteredTransactions, filterTx(ledger.ParseTx(env), code))
	}
	return f
}

func filterTx(tx *ledger.Tx, code ledger.Code) *peer.FilteredTransaction {
	f := &peer.FilteredTransaction{
		Txid:             tx.TxID(),
		Type:             common.HeaderType(tx.ChannelHeader.GetType()),
		TxValidationCode: code,
	}
	if f.Type != common.HeaderType_ENDORSER_TRANSACTION {
		return f
	}
	actions := &peer.FilteredTransactionActions{}
	if e := tx.Event; e != nil {
		actions.ChaincodeActions = []*peer.FilteredChaincodeAction{{ChaincodeEvent: &peer.ChaincodeEvent{
			ChaincodeId: e.ChaincodeId, TxId: e.TxId, EventName: e.EventName,
		}}}
	}
	f.Data = &peer.FilteredTransaction_TransactionActions{TransactionActions: actions}
	return f
}
