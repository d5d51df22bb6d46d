package dagger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
)

// A chain is a call behind the calls that make its object.
type chain struct {
	before    *chain
	name      string
	arguments []argument
}

type argument struct {
	name  string
	value any
}

// An object can be asked for its identifier.
type object interface {
	id(ctx context.Context) (string, error)
}

// An enumeration's values are written without quotes.
type enumeration interface {
	isEnumeration()
}

func (c *chain) then(name string, arguments ...argument) *chain {
	return &chain{c, name, arguments}
}

func (c *chain) id(ctx context.Context) (string, error) {
	return ask[string](ctx, c.then("id"))
}

// and gives the arguments behind which an options struct puts its fields that have a value.
func and[T any](options []T, arguments ...argument) []argument {
	for _, one := range options {
		value := reflect.ValueOf(one)
		for i := range value.NumField() {
			if !value.Field(i).IsZero() {
				name := value.Type().Field(i).Name
				arguments = append(arguments, argument{strings.ToLower(name[:1]) + name[1:], value.Field(i).Interface()})
			}
		}
	}
	return arguments
}

// written is a value as a query has it.
func written(ctx context.Context, value any) (string, error) {
	switch value := value.(type) {
	case object:
		id, err := value.id(ctx)
		if err != nil {
			return "", err
		}
		return written(ctx, id)
	case enumeration:
		return reflect.ValueOf(value).String(), nil
	case BuildArg:
		fields, err := list(ctx, []any{value.Name, value.Value})
		if err != nil {
			return "", err
		}
		return "{name: " + fields[0] + ", value: " + fields[1] + "}", nil
	}
	if items := reflect.ValueOf(value); items.Kind() == reflect.Slice {
		values := make([]any, items.Len())
		for i := range values {
			values[i] = items.Index(i).Interface()
		}
		texts, err := list(ctx, values)
		return "[" + strings.Join(texts, ", ") + "]", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}

func list(ctx context.Context, values []any) ([]string, error) {
	texts := make([]string, len(values))
	for i, value := range values {
		text, err := written(ctx, value)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// call is a call as a query has it.
func (c *chain) call(ctx context.Context) (string, error) {
	if len(c.arguments) == 0 {
		return c.name, nil
	}
	texts := make([]string, len(c.arguments))
	for i, argument := range c.arguments {
		text, err := written(ctx, argument.value)
		if err != nil {
			return "", err
		}
		texts[i] = argument.name + ": " + text
	}
	return c.name + "(" + strings.Join(texts, ", ") + ")", nil
}

// ask gives the value to which a chain leads.
func ask[T any](ctx context.Context, c *chain) (T, error) {
	var answer T
	query := ""
	var names []string
	for at := c; at != nil; at = at.before {
		call, err := at.call(ctx)
		if err != nil {
			return answer, err
		}
		query = "{" + call + query + "}"
		names = append([]string{at.name}, names...)
	}
	data, err := send(ctx, query)
	if err != nil {
		return answer, err
	}
	for _, name := range names {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return answer, err
		}
		data = fields[name]
	}
	return answer, json.Unmarshal(data, &answer)
}

// send gives the session's answer to a query. It does without net/http, with which each module would take a second to link.
func send(ctx context.Context, query string) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, err
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+os.Getenv("DAGGER_SESSION_PORT"))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	token := base64.StdEncoding.EncodeToString([]byte(os.Getenv("DAGGER_SESSION_TOKEN") + ":"))
	head := "POST /query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
	if _, err := fmt.Fprintf(connection, head, token, len(body), body); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		return nil, err
	}
	_, answer, _ = bytes.Cut(answer, []byte("\r\n\r\n"))
	var result struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, err
	}
	if len(result.Errors) > 0 {
		return nil, errors.New(result.Errors[0].Message)
	}
	return result.Data, nil
}

// Identify asks for an object's identifier, which is what becomes of an object that a function returns.
func Identify(ctx context.Context, value any) error {
	_, err := written(ctx, value)
	return err
}
