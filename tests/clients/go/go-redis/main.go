package main

import (
	"context"

	"github.com/redis/go-redis/v9"

	. "nextid/tests/clients/scenario"
)

func main() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: Address, Password: Token()})
	defer client.Close()

	Say("incr", Must(client.Incr(ctx, Counter).Result()))
	Say("incrby", Must(client.IncrBy(ctx, Counter, 10).Result()))
	Say("get", Must(client.Get(ctx, Counter).Int64()))
	if err := client.Get(ctx, Missing).Err(); err == redis.Nil {
		Say("missing", "none")
	}
	var ids []any
	for _, reply := range Must(client.Pipelined(ctx, func(pipeline redis.Pipeliner) error {
		for i := 0; i < 10; i++ {
			pipeline.Incr(ctx, Counter)
		}
		return nil
	})) {
		ids = append(ids, Must(reply.(*redis.IntCmd).Result()))
	}
	Say("pipeline", ids...)
	var incr, incrBy *redis.IntCmd
	var get *redis.StringCmd
	Must(client.TxPipelined(ctx, func(transaction redis.Pipeliner) error {
		incr = transaction.Incr(ctx, Counter)
		incrBy = transaction.IncrBy(ctx, Counter, 10)
		get = transaction.Get(ctx, Counter)
		return nil
	}))
	Say("transaction", incr.Val(), incrBy.Val(), get.Val())
	Say("refused", client.Decr(ctx, Counter).Err())
	Say("large", Must(client.Incr(ctx, Large).Result()))
}
