// Package lifecycle holds what a peer knows of chaincode: the packages that are
// installed on it, what its organisation approved, and the system chaincodes
// through which administrators ask: _lifecycle, and beside it cscc and qscc.
//
// Function names, arguments, results and texts are Fabric's. Committed
// definitions are channel state under Fabric's keys, written by ordinary
// transactions. Approvals are not: as long as there is no private data, an
// approval is a record on the peers of the approving organisation. The record
// is the signed proposal of the administrator who approved; the peers of the
// organisation pass it on and each verifies it for itself. A peer endorses a
// commit only if its own organisation approved the same definition, so that the
// channel's LifecycleEndorsement policy counts organisations that agree.
//
// A crash leaves a package or an approval wholly there or not at all.
package lifecycle
