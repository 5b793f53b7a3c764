// Prints the id of a key: go run next_id.go main.go COUNTER KEY
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	if address := os.Getenv("IDS_URL"); address != "" {
		server = address
	}
	id, err := nextID(os.Args[1], os.Args[2], 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
}
