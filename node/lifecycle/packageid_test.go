package lifecycle

import "testing"

// Printed by core/chaincode/persistence/persistence.go, PackageID, of
// hyperledger/fabric at commit 0c423ac.
func TestPackageIDsAreFabrics(t *testing.T) {
	for raw, want := range map[string]string{
		"":        "label_1.0:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"package": "label_1.0:bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a",
		"other":   "label_1.0:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa",
	} {
		if got := PackageID("label_1.0", []byte(raw)); got != want {
			t.Errorf("the id of %q is %s, in Fabric %s", raw, got, want)
		}
	}
}
