// Stands in for the file of this name that dagger's code generator makes beside a module's code. Like the real one it declares `dag` and takes names of the
// package for itself, so that a module with one of them doesn't compile; its `main` calls every function of the module once.
//
// Usage: MODULE FOLDER    FOLDER has the module's main.go; prints a line of JSON for each function: its module's folder, its name and what went wrong, or null
//
// A text is given as its parameter's name, in letters and digits between `<` and `>`, a secret with the text CANARY, which must turn up nowhere.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"dagger/ci/internal/dagger"
)

var dag = dagger.Connect()

// What else the real file declares.

var marshalCtx = context.Background()

type DaggerObject any

type ExecError struct{}

func Tracer() {}

func setMarshalContext() {}

func ptr[T any](value T) *T { return &value }

func convertSlice() {}

func convertError() {}

func findSingleGQLError() {}

func dispatch() {}

func (Ci) MarshalJSON() ([]byte, error) { return nil, nil }

func (*Ci) UnmarshalJSON([]byte) error { return nil }

var others = regexp.MustCompile("[^a-z0-9]")

// given is the value for a parameter.
func given(ctx context.Context, kind reflect.Type, parameter string) any {
	name := others.ReplaceAllString(strings.ToLower(parameter), "")
	text := "<" + name + ">"
	switch kind.String() {
	case "context.Context":
		return ctx
	case "*dagger.Directory":
		return dag.Directory().WithNewFile("here", "")
	case "*dagger.Secret":
		return dag.SetSecret(name, "CANARY")
	case "*string":
		return &text
	default:
		return text
	}
}

// invoke calls a function and asks for the identifiers of the objects that it returns, as the real file does.
func invoke(ctx context.Context, function *ast.FuncDecl) error {
	// The session notes where the calls of a function begin.
	if err := dagger.Identify(ctx, dag.SetSecret("begin "+function.Name.Name, "")); err != nil {
		return err
	}
	method := reflect.ValueOf(&Ci{}).MethodByName(function.Name.Name)
	var arguments []reflect.Value
	for _, field := range function.Type.Params.List {
		for _, name := range field.Names {
			arguments = append(arguments, reflect.ValueOf(given(ctx, method.Type().In(len(arguments)), name.Name)))
		}
	}
	for _, result := range method.Call(arguments) {
		switch value := result.Interface().(type) {
		case nil, []string:
		case error:
			return value
		default:
			if err := dagger.Identify(ctx, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func main() {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(os.Args[1], "main.go"), nil, 0)
	if err != nil {
		panic(err)
	}
	for _, declared := range file.Decls {
		function, ok := declared.(*ast.FuncDecl)
		if !ok || function.Recv == nil || !function.Name.IsExported() {
			continue
		}
		line := map[string]any{"module": os.Args[1], "function": function.Name.Name, "error": nil}
		if err := invoke(context.Background(), function); err != nil {
			line["error"] = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
