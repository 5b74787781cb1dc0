package cctest

import (
	"testing"
)

func TestFunctionsAreReadFromASchema(t *testing.T) {
	list, err := schema([]byte(`{"contracts": {"B": {"transactions": [{"name": "f"}]}, "A": {"transactions": [
		{"name": "g", "tag": ["EVALUATE"], "parameters": [{"schema": {"type": "string"}}, {"schema": {"type": "array", "items": {"$ref": "#/x/Asset"}}}],
		 "returns": {"$ref": "#/components/schemas/Asset"}}]}}}`))
	if err != nil || len(list) != 2 || list[0].String() != "A:g(string, []Asset) Asset" || !list[0].Query || list[1].String() != "B:f()" {
		t.Errorf("%v, %v", list, err)
	}
	for _, raw := range []string{"", "5", "{}", `{"contracts": []}`} {
		if list, err := schema([]byte(raw)); err == nil {
			t.Errorf("%q has the functions %v", raw, list)
		}
	}
}
