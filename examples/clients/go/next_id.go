// Prints the id of a key: go run next_id.go COUNTER KEY
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"time"
)

// The server answers within its --request-timeout, 5 s.
var client = http.Client{Timeout: 8 * time.Second}

var tryAgain = map[int]bool{408: true, 429: true, 502: true, 503: true, 504: true}

// nextID gives a new id for a new key, the same id for the same key: use the order's own UUID.
func nextID(server, counter, key string, patience time.Duration) (uint64, error) {
	deadline := time.Now().Add(patience)
	for {
		id, mayRepeat, wait, err := ask(server, counter, key)
		wait += time.Duration(rand.Int63n(int64(wait)/2 + 1))
		if err == nil || !mayRepeat || time.Now().Add(wait).After(deadline) {
			return id, err
		}
		time.Sleep(wait)
	}
}

func ask(server, counter, key string) (id uint64, mayRepeat bool, wait time.Duration, err error) {
	request, err := http.NewRequest("POST", server+"/v1/counters/"+counter+"/next", nil)
	if err != nil {
		return 0, false, 0, err
	}
	request.Header.Set("Idempotency-Key", key)
	if token := os.Getenv("IDS_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil { // Perhaps it took an id: the key finds it again.
		return 0, true, time.Second, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, true, time.Second, err
	}
	if answer.StatusCode != 200 {
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			seconds = 1
		}
		return 0, tryAgain[answer.StatusCode], time.Duration(seconds) * time.Second, errors.New(string(body))
	}
	var taken struct{ ID uint64 }
	err = json.Unmarshal(body, &taken)
	return taken.ID, false, 0, err
}

func main() {
	server := os.Getenv("IDS_URL")
	if server == "" {
		server = "http://127.0.0.1:8000"
	}
	id, err := nextID(server, os.Args[1], os.Args[2], time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
}
