package main

import (
	"fmt"
	"io"
	"math"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

var server = "http://127.0.0.1:8000"
var token = os.Getenv("IDS_TOKEN")
var client = http.Client{Timeout: 8 * time.Second} // The server answers within 5 s.
var tryAgain = map[int]bool{0: true, 408: true, 429: true, 502: true, 503: true, 504: true}

// nextID gives a new id for a new key, the same id for the same key: use the order's own UUID.
func nextID(counter, key string, attempts int) (uint64, error) {
	request, err := http.NewRequest("POST", server+"/v1/counters/"+counter+"/next", nil)
	if err != nil {
		return 0, err
	}
	request.Header = http.Header{"Idempotency-Key": {key}, "Authorization": {"Bearer " + token}}
	for attempt := 1; ; attempt++ {
		answer, err := client.Do(request)
		if err != nil { // Perhaps it took an id: the same key finds it again.
			answer = &http.Response{Body: io.NopCloser(strings.NewReader(err.Error()))} // Its status is 0.
		}
		text, cut := io.ReadAll(answer.Body)
		answer.Body.Close()
		if cut == nil && answer.StatusCode == 200 {
			return strconv.ParseUint(strings.Trim(string(text), `{"id:}`), 10, 64)
		} else if attempt == attempts || cut == nil && !tryAgain[answer.StatusCode] {
			return 0, fmt.Errorf("status %d: %s", answer.StatusCode, text)
		}
		seconds, _ := strconv.ParseFloat(answer.Header.Get("Retry-After"), 64)
		time.Sleep(time.Duration((math.Max(seconds, 1) + rand.Float64()) * float64(time.Second)))
	}
}
