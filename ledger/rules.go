package ledger

// The rules that a transaction is judged by, by their numbers in
// docs/validation.md. Tx.Rule holds the first one that parsing found broken.
// The event's rule has number 11 in the document, but its place is after 12.
const (
	RuleEnvelope    = 1
	RulePayload     = 2
	RuleHeader      = 3
	RuleCreator     = 4
	RuleType        = 5
	RuleTxID        = 6
	RuleTransaction = 7
	RuleDuplicate   = 9
	RuleAction      = 10
	RuleIDs         = 11
	RuleChaincode   = 12
	RuleEvent       = 12
	RuleNamespaces  = 13
)
