package main

import "testing"

func TestGreetsByName(t *testing.T) {
	if got := greeting("you"); got != "hello, you" {
		t.Fatalf("greeting: %q", got)
	}
}
