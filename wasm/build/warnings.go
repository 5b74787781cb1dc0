package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxWarnings bounds what is told of one build.
const maxWarnings = 20

// packages without which a chaincode's own code has nothing to do.
var useless = map[string]string{
	"net":           "a chaincode has no network",
	"os/exec":       "a chaincode cannot start processes",
	"os/signal":     "a chaincode gets no signals",
	"plugin":        "a chaincode cannot load code",
	"database/sql":  "a chaincode has no network; its data lies in the ledger",
	"path/filepath": "a chaincode has no files",
	"io/ioutil":     "a chaincode has no files",
}

// functions of os that need what is not there. The rest of the package, such
// as os.Exit or os.Stderr, is of use.
var files = []string{
	"Chdir", "Chmod", "Create", "CreateTemp", "DirFS", "Mkdir", "MkdirAll", "MkdirTemp", "Open", "OpenFile",
	"OpenRoot", "ReadDir", "ReadFile", "Remove", "RemoveAll", "Rename", "Stat", "WriteFile",
}

var variables = []string{"Environ", "Getenv", "LookupEnv", "Setenv"}

// warnings are about the author's own packages, those of the main module:
// what lies in a dependency cannot be changed here, and most of it is never
// called.
func (b *builder) warnings(ctx context.Context) ([]string, error) {
	said, _, err := b.run(ctx, "list", b.modFile(), b.overlay(), "-mod=mod", "-deps", "-json=Dir,GoFiles,Module,Standard", ".")
	if err != nil {
		return nil, err
	}
	var found []string
	for dec := json.NewDecoder(bytes.NewReader(said)); ; {
		var p struct {
			Dir      string
			GoFiles  []string
			Module   *struct{ Main bool }
			Standard bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list said: %w", err)
		}
		if p.Standard || p.Module == nil || !p.Module.Main {
			continue
		}
		for _, name := range p.GoFiles {
			list, err := b.warningsOf(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			found = append(found, list...)
		}
	}
	if extra := len(found) - maxWarnings; extra > 0 {
		found = append(found[:maxWarnings], fmt.Sprintf("and %d more", extra))
	}
	return found, nil
}

func (b *builder) warningsOf(file string) ([]string, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var list []string
	warn := func(n ast.Node, format string, args ...any) {
		at := fset.Position(n.Pos())
		if within, err := filepath.Rel(b.dir, at.Filename); err == nil {
			at.Filename = within
		}
		list = append(list, fmt.Sprintf("%s:%d: ", at.Filename, at.Line)+fmt.Sprintf(format, args...))
	}
	osName := ""
	for _, imp := range tree.Imports {
		path, _ := strconv.Unquote(imp.Path.Value) // the parser has seen to it
		if path == "os" {
			if osName = "os"; imp.Name != nil {
				osName = imp.Name.Name
			}
		}
		if why := uselessImport(path); why != "" {
			warn(imp, "imports %s: %s", path, why)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			warn(n, "starts a goroutine: it must end before the call does; what is left of it is gone with the call's memory")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); !ok || osName == "" || x.Name != osName {
				return true
			}
			if slices.Contains(files, n.Sel.Name) {
				warn(n, "calls os.%s: a chaincode has no files", n.Sel.Name)
			}
			if slices.Contains(variables, n.Sel.Name) {
				warn(n, "calls os.%s: a chaincode's environment is empty", n.Sel.Name)
			}
		}
		return true
	})
	return list, nil
}

func uselessImport(path string) string {
	if why, ok := useless[path]; ok {
		return why
	}
	if strings.HasPrefix(path, "net/") && path != "net/url" && path != "net/netip" && path != "net/mail" && path != "net/textproto" {
		return useless["net"]
	}
	return ""
}
