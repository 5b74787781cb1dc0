// Package weft is the root of Weft, a permissioned ledger: Hyperledger Fabric's
// formats at every edge that a user sees; WebAssembly chaincode, libp2p and one
// static binary behind them. The code is in the packages below; the root holds
// the tests of how they may depend on each other.
package weft
