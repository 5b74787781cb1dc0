// Package order is the orderer's side of a channel: it admits envelopes, has a
// consensus put them into blocks, signs the blocks and keeps them.
//
// It promises that a SUCCESS is given only after a quorum of the consenters has
// the envelope's block on disk, that the answers of one stream come in the
// order of its envelopes, and that envelopes of one stream enter the chain in
// their order. Whatever is refused is refused with Fabric's status and a
// sentence.
//
// A crash loses nothing that was acknowledged: the consensus log holds every
// block, and the unsynced block log is completed from it when a channel opens.
package order
