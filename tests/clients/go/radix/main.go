package main

import (
	"context"

	"github.com/mediocregopher/radix/v4"

	. "nextid/tests/clients/scenario"
)

func main() {
	ctx := context.Background()
	config := radix.PoolConfig{Dialer: radix.Dialer{AuthPass: Token()}}
	client := Must(config.New(ctx, "tcp", Address))
	defer client.Close()
	number := func(arguments ...string) (result int64) {
		Check(client.Do(ctx, radix.Cmd(&result, arguments[0], arguments[1:]...)))
		return result
	}

	Say("incr", number("INCR", Counter))
	Say("incrby", number("INCRBY", Counter, "10"))
	Say("get", number("GET", Counter))
	var missing string
	if maybe := (radix.Maybe{Rcv: &missing}); client.Do(ctx, radix.Cmd(&maybe, "GET", Missing)) == nil && maybe.Null {
		Say("missing", "none")
	}
	ids := make([]int64, 10)
	pipeline := radix.NewPipeline()
	for i := range ids {
		pipeline.Append(radix.Cmd(&ids[i], "INCR", Counter))
	}
	Check(client.Do(ctx, pipeline))
	said := make([]any, 0, len(ids))
	for _, id := range ids {
		said = append(said, id)
	}
	Say("pipeline", said...)
	var first, last int64
	var value string
	transaction := radix.NewPipeline()
	transaction.Append(radix.Cmd(nil, "MULTI"))
	transaction.Append(radix.Cmd(nil, "INCR", Counter))
	transaction.Append(radix.Cmd(nil, "INCRBY", Counter, "10"))
	transaction.Append(radix.Cmd(nil, "GET", Counter))
	transaction.Append(radix.Cmd(&radix.Tuple{&first, &last, &value}, "EXEC"))
	Check(client.Do(ctx, transaction))
	Say("transaction", first, last, value)
	Say("refused", client.Do(ctx, radix.Cmd(nil, "DECR", Counter)))
	Say("large", number("INCR", Large))
}
