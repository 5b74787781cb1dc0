package build

import (
	"fmt"
	"os"
	"path/filepath"
)

// signs tell languages apart: patterns of files, in the order in which they
// decide.
var signs = []struct {
	language Language
	patterns []string
}{
	{Go, []string{"go.mod", "*.go"}},
	{Rust, []string{"Cargo.toml", "*.rs", "src/*.rs"}},
	{AssemblyScript, []string{"asconfig.json", "*.ts", "assembly/*.ts", "src/*.ts"}},
	{C, []string{"*.c", "src/*.c"}},
}

// Detect answers the language of the chaincode in a folder.
func Detect(dir string) (Language, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is a file; give the folder of the chaincode", dir)
	}
	for _, s := range signs {
		for _, pattern := range s.patterns {
			if found, _ := filepath.Glob(filepath.Join(escape(dir), pattern)); len(found) > 0 {
				return s.language, nil
			}
		}
	}
	return "", fmt.Errorf("%s holds no chaincode: there is no go.mod, Cargo.toml, asconfig.json, and no source in Go, Rust, AssemblyScript (.ts) or C", dir)
}

// escape takes the meaning of a pattern from a path.
func escape(path string) string {
	var b []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}
