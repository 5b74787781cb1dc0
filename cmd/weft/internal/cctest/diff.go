package cctest

import "slices"

// maxDiffCells bounds the table that Diff fills; texts beyond it are shown one
// after the other.
const maxDiffCells = 4 << 20

// Diff answers the lines of both texts: "- " before those that only want has,
// "+ " before those that only got has, "  " before the others.
func Diff(want, got []string) []string {
	head := 0
	for head < min(len(want), len(got)) && want[head] == got[head] {
		head++
	}
	tail := 0
	for tail < min(len(want), len(got))-head && want[len(want)-1-tail] == got[len(got)-1-tail] {
		tail++
	}
	out := prefixed("  ", want[:head])
	out = append(out, changes(want[head:len(want)-tail], got[head:len(got)-tail])...)
	return append(out, prefixed("  ", want[len(want)-tail:])...)
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = prefix + line
	}
	return out
}

// changes walks along a longest common subsequence.
func changes(want, got []string) []string {
	if len(want)*len(got) > maxDiffCells {
		return slices.Concat(prefixed("- ", want), prefixed("+ ", got))
	}
	common := lengths(want, got)
	var out []string
	i, j := 0, 0
	for i < len(want) && j < len(got) {
		switch {
		case want[i] == got[j]:
			out = append(out, "  "+want[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+want[i])
			i++
		default:
			out = append(out, "+ "+got[j])
			j++
		}
	}
	out = append(out, prefixed("- ", want[i:])...)
	return append(out, prefixed("+ ", got[j:])...)
}

// lengths answers how long the longest common subsequence of want[i:] and
// got[j:] is.
func lengths(want, got []string) [][]int32 {
	table := make([][]int32, len(want)+1)
	for i := range table {
		table[i] = make([]int32, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
