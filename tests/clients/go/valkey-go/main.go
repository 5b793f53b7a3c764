package main

import (
	"context"

	"github.com/valkey-io/valkey-go"

	. "nextid/tests/clients/scenario"
)

func main() {
	ctx := context.Background()
	client := Must(valkey.NewClient(valkey.ClientOption{
		InitAddress: []string{Address}, Password: Token()}))
	defer client.Close()
	incr := func() valkey.Completed { return client.B().Incr().Key(Counter).Build() }
	incrBy := func() valkey.Completed { return client.B().Incrby().Key(Counter).Increment(10).Build() }
	get := func(key string) valkey.Completed { return client.B().Get().Key(key).Build() }

	Say("incr", Must(client.Do(ctx, incr()).AsInt64()))
	Say("incrby", Must(client.Do(ctx, incrBy()).AsInt64()))
	Say("get", Must(client.Do(ctx, get(Counter)).AsInt64()))
	if valkey.IsValkeyNil(client.Do(ctx, get(Missing)).Error()) {
		Say("missing", "none")
	}
	var commands valkey.Commands
	for i := 0; i < 10; i++ {
		commands = append(commands, incr())
	}
	var ids []any
	for _, reply := range client.DoMulti(ctx, commands...) {
		ids = append(ids, Must(reply.AsInt64()))
	}
	Say("pipeline", ids...)
	transaction := client.DoMulti(ctx, client.B().Multi().Build(), incr(),
		incrBy(), get(Counter), client.B().Exec().Build())
	replies := Must(transaction[4].ToArray())
	Say("transaction", Must(replies[0].AsInt64()), Must(replies[1].AsInt64()), Must(replies[2].ToString()))
	Say("refused", client.Do(ctx, client.B().Decr().Key(Counter).Build()).Error())
	Say("large", Must(client.Do(ctx, client.B().Incr().Key(Large).Build()).AsInt64()))
}
