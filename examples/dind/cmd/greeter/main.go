// Command greeter greets.
package main

import (
	"flag"
	"fmt"
)

// version is set by the linker.
var version = "dev"

func main() {
	showVersion := flag.Bool("version", false, "print the version")
	name := flag.String("name", "world", "whom to greet")
	flag.Parse()
	if *showVersion {
		fmt.Println(version)
		return
	}
	fmt.Println(greeting(*name))
}

func greeting(name string) string {
	return "hello, " + name
}
