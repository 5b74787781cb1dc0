// Package guest is the chaincode API of Weft for Go, without Fabric's: smaller
// modules, and nothing between the chaincode and the guest ABI. A chaincode is
// a main package whose main calls Register; weft chaincode build compiles it.
//
//	func main() {
//		guest.Register(func(tx *guest.Tx) ([]byte, error) {
//			return tx.Get(tx.Strings()[0])
//		})
//	}
//
// Reads answer what is committed, never what this transaction has written. The
// clock is the transaction's timestamp, randomness comes from its id.
//
// Apart from this comment the package exists in builds for wasip1 only.
package guest
