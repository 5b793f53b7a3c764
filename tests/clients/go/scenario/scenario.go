// Package scenario is what the programs here share; tests/e2e/test_redis_clients.py says what must come
// out of each of them.
//
//	PROGRAM PORT COUNTER [TOKEN]
package scenario

import (
	"fmt"
	"os"
	"strconv"
)

const Host = "127.0.0.1"

var (
	Address = Host + ":" + os.Args[1]
	Counter = os.Args[2]
	Missing = Counter + ".none"
	Large   = Counter + ".large"
)

func Port() int {
	return Must(strconv.Atoi(os.Args[1]))
}

// Token is empty where none is needed.
func Token() string {
	if len(os.Args) > 3 {
		return os.Args[3]
	}
	return ""
}

func Say(name string, values ...any) {
	fmt.Print(name)
	for _, value := range values {
		fmt.Print(" ", value)
	}
	fmt.Println()
}

// Must is the value of a call that must not fail.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}

func Check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
