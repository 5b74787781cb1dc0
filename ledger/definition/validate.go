package definition

import (
	"fmt"
	"slices"
)

// The limits on what a definition may carry from outside. Fabric has none of
// its own; these keep keys and messages printable in one line and a policy
// within what an endorsement needs.
const (
	maxNameBytes   = 128
	maxPolicyBytes = 64 << 10
)

// reservedNames are system chaincodes, which nobody can define.
var reservedNames = []string{"cscc", "escc", "lscc", "qscc", "vscc"}

// IsSystem reports whether name is that of a system chaincode.
func IsSystem(name string) bool { return slices.Contains(reservedNames, name) || name == Namespace }

// Validate checks d as a commit does, before anything is written: the words of
// its name and version, its sequence, its plugins and its policy.
func (d *Definition) Validate() error {
	if err := CheckName(d.Name); err != nil {
		return err
	}
	if err := checkVersion(d.Version); err != nil {
		return err
	}
	switch {
	case d.Sequence < 1:
		return fmt.Errorf("chaincode %s: sequence %d, the first one is 1", d.Name, d.Sequence)
	case d.EndorsementPlugin != DefaultEndorsementPlugin:
		return fmt.Errorf("chaincode %s: there is no endorsement plugin %q, only %s", d.Name, d.EndorsementPlugin, DefaultEndorsementPlugin)
	case d.ValidationPlugin != DefaultValidationPlugin:
		return fmt.Errorf("chaincode %s: there is no validation plugin %q, only %s", d.Name, d.ValidationPlugin, DefaultValidationPlugin)
	case len(d.ValidationParameter) > maxPolicyBytes:
		return fmt.Errorf("chaincode %s: its policy has %d bytes, more than %d", d.Name, len(d.ValidationParameter), maxPolicyBytes)
	}
	if _, _, err := d.SignaturePolicy(); err != nil {
		return err
	}
	_, err := d.collections()
	return err
}

// CheckName tells what is wrong with a chaincode name: it consists of letters,
// digits, and single - and _ between them, and is not a system chaincode's.
func CheckName(name string) error {
	switch {
	case len(name) > maxNameBytes:
		return fmt.Errorf("chaincode name %q…: longer than %d bytes", name[:maxNameBytes], maxNameBytes)
	case !isName(name):
		return fmt.Errorf("invalid chaincode name %q: letters and digits, with single '-' or '_' between them", name)
	case IsSystem(name):
		return fmt.Errorf("chaincode name %q is that of a system chaincode", name)
	}
	return nil
}

func isName(name string) bool {
	afterSeparator := true
	for _, c := range []byte(name) {
		separator := c == '-' || c == '_'
		if !separator && !isAlnum(c) || separator && afterSeparator {
			return false
		}
		afterSeparator = separator
	}
	return !afterSeparator
}

func checkVersion(version string) error {
	if len(version) > maxNameBytes {
		return fmt.Errorf("chaincode version %q…: longer than %d bytes", version[:maxNameBytes], maxNameBytes)
	}
	ok := version != ""
	for _, c := range []byte(version) {
		ok = ok && (isAlnum(c) || c == '_' || c == '.' || c == '+' || c == '-')
	}
	if !ok {
		return fmt.Errorf("invalid chaincode version %q: letters, digits, '_', '.', '+' and '-'", version)
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
