package main

import (
	"context"

	glide "github.com/valkey-io/valkey-glide/go/v2"
	"github.com/valkey-io/valkey-glide/go/v2/config"
	"github.com/valkey-io/valkey-glide/go/v2/pipeline"

	. "nextid/tests/clients/scenario"
)

func main() {
	ctx := context.Background()
	settings := config.NewClientConfiguration().WithAddress(&config.NodeAddress{Host: Host, Port: Port()})
	if token := Token(); token != "" {
		settings = settings.WithCredentials(config.NewServerCredentialsWithDefaultUsername(token))
	}
	client := Must(glide.NewClient(settings))
	defer client.Close()

	Say("incr", Must(client.Incr(ctx, Counter)))
	Say("incrby", Must(client.IncrBy(ctx, Counter, 10)))
	Say("get", Must(client.Get(ctx, Counter)).Value())
	if Must(client.Get(ctx, Missing)).IsNil() {
		Say("missing", "none")
	}
	ids := pipeline.NewStandaloneBatch(false)
	for i := 0; i < 10; i++ {
		ids.Incr(Counter)
	}
	Say("pipeline", Must(client.Exec(ctx, *ids, true))...)
	transaction := pipeline.NewStandaloneBatch(true).Incr(Counter).IncrBy(Counter, 10).Get(Counter)
	Say("transaction", Must(client.Exec(ctx, *transaction, true))...)
	_, err := client.Decr(ctx, Counter)
	Say("refused", err)
	Say("large", Must(client.Incr(ctx, Large)))
}
