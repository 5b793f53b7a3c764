package main

import (
	"github.com/gomodule/redigo/redis"

	. "nextid/tests/clients/scenario"
)

func main() {
	client := Must(redis.Dial("tcp", Address, redis.DialPassword(Token())))
	defer client.Close()

	Say("incr", Must(redis.Int64(client.Do("INCR", Counter))))
	Say("incrby", Must(redis.Int64(client.Do("INCRBY", Counter, 10))))
	Say("get", Must(redis.Int64(client.Do("GET", Counter))))
	if Must(client.Do("GET", Missing)) == nil {
		Say("missing", "none")
	}
	for i := 0; i < 10; i++ {
		Check(client.Send("INCR", Counter))
	}
	var ids []any
	for _, id := range Must(redis.Int64s(client.Do(""))) {
		ids = append(ids, id)
	}
	Say("pipeline", ids...)
	Check(client.Send("MULTI"))
	Check(client.Send("INCR", Counter))
	Check(client.Send("INCRBY", Counter, 10))
	Check(client.Send("GET", Counter))
	replies := Must(redis.Values(client.Do("EXEC")))
	Say("transaction", replies[0].(int64), replies[1].(int64), string(replies[2].([]byte)))
	_, err := client.Do("DECR", Counter)
	Say("refused", err)
	Say("large", Must(redis.Int64(client.Do("INCR", Large))))
}
