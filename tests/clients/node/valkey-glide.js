import {load, refusalOf, say, settings} from "./scenario.js";

const {host, port, counter, token} = settings;
const {Batch, GlideClient, Logger} = load("@valkey/valkey-glide");
Logger.setLoggerConfig("off");  // It writes to standard output.

const client = await GlideClient.createClient({
  addresses: [{host, port}], credentials: token ? {password: token} : undefined});
say("incr", await client.incr(counter));
say("incrby", await client.incrBy(counter, 10));
say("get", await client.get(counter));
say("missing", await client.get(`${counter}.none`));
const pipeline = new Batch(false);
for (let i = 0; i < 10; ++i) pipeline.incr(counter);
say("pipeline", ...await client.exec(pipeline, true));
const transaction = new Batch(true).incr(counter).incrBy(counter, 10).get(counter);
say("transaction", ...await client.exec(transaction, true));
say("refused", await refusalOf(() => client.decr(counter)));
say("large", await client.customCommand(["INCR", `${counter}.large`]));
client.close();
