package code

import (
	"strings"
	"testing"
)

var most = Most{Types: 9, Params: 9, TypeValues: 99, Imports: 9, Functions: 9, BodyBytes: 99,
	TableEntries: 9, Globals: 9, Exports: 9, Segments: 9, Elements: 9, NameBytes: 9, Customs: 9, CustomBytes: 99}

// read reads a function ()→() with a memory and a table.
func read(instructions ...byte) error {
	m := &Module{Types: []Type{{}}, Functions: []uint32{0}, Memory: &Limits{}, Table: &Limits{},
		Bodies: [][]byte{append(append([]byte{0}, instructions...), OpEnd)}}
	m, err := Parse(m.Encode(), most)
	if err != nil {
		return err
	}
	var b Body
	if err := b.Open(m, 0); err != nil {
		return err
	}
	var in Instruction
	for b.Next(&in) {
	}
	return b.Err()
}

func TestWhatChaincodeMayNotUseIsRefusedByName(t *testing.T) {
	for want, instructions := range map[string][]byte{
		"SIMD":                             {0xfd, 0x0c},
		"threads":                          {0xfe, 0x03, 0},
		"tail calls":                       {0x12, 0},
		"exception handling":               {0x08, 0},
		"typed function references":        {0x14, 0},
		"reference types":                  {0xd0, 0x70},
		"garbage collection":               {0xfb, 0},
		"an unknown feature":               {0x27},
		"memory.init":                      {0xfc, 8, 0, 0},
		"data.drop":                        {0xfc, 9, 0},
		"table.init":                       {0xfc, 12, 0, 0},
		"elem.drop":                        {0xfc, 13, 0},
		"table.copy":                       {0xfc, 14, 0, 0},
		"table.grow":                       {0xfc, 15, 0},
		"multiple values":                  {OpBlock, 0, OpEnd},
		"block type 0x7b":                  {OpBlock, 0x7b, OpEnd},
		"multiple memories":                {OpMemoryGrow, 1},
		"no block to branch to: 2":         {OpBlock, Void, OpBr, 2, OpEnd},
		"no local variable 0":              {OpLocalGet, 0},
		"no global 7":                      {OpGlobalGet, 7},
		"no function 1":                    {OpCall, 1},
		"no type 3":                        {OpCallIndirect, 3, 0},
		"no table 1":                       {OpCallIndirect, 0, 1},
		"an else without if":               {OpBlock, Void, OpElse, OpEnd},
		"after the end of the function":    {OpEnd, OpNop},
		"ends too early":                   {OpBlock, Void},
		"number is longer":                 {OpI32Const, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"alignment of 2^3 is above":        {OpI32Const, 0, 0x28, 3, 0},
		"byte 1: there is no function 127": {OpCall, 0x7f},
	} {
		if err := read(instructions...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("% x: %v; want %q", instructions, err, want)
		}
	}
}

func TestPaddedNumbersAreTaken(t *testing.T) {
	for _, instructions := range [][]byte{
		{OpI32Const, 0, OpCallIndirect, 0x80, 0x80, 0x80, 0x80, 0, 0x80, 0x80, 0x80, 0x80, 0},
		{OpI32Const, 0x80, 0x80, 0x80, 0x80, 0x78, OpDrop},
		{OpI64Const, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, OpDrop},
		{OpI32Const, 0, 0xfc, 0x80, 0, OpDrop},
	} {
		if err := read(instructions...); err != nil {
			t.Errorf("% x: %v", instructions, err)
		}
	}
}
