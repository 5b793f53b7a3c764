// node-redis, over RESP2 and RESP3.
import {load, refusalOf, say, settings} from "./scenario.js";

const {host, port, counter, token} = settings;
const {createClient, RESP_TYPES} = load("redis");

const client = createClient({socket: {host, port}, password: token, RESP: Number(process.env.RESP ?? 3)});
client.on("error", (error) => { throw error; });
await client.connect();
say("incr", await client.incr(counter));
say("incrby", await client.incrBy(counter, 10));
say("get", await client.get(counter));
say("missing", await client.get(`${counter}.none`));
// What is asked for in one turn is sent together.
say("pipeline", ...await Promise.all(Array.from({length: 10}, () => client.incr(counter))));
say("transaction", ...await client.multi().incr(counter).incrBy(counter, 10).get(counter).exec());
say("refused", await refusalOf(() => client.decr(counter)));
const exact = client.withTypeMapping({[RESP_TYPES.NUMBER]: String});
say("large", await exact.incr(`${counter}.large`));
say("rounded", await client.incr(`${counter}.large`));
for await (const names of client.scanIterator({MATCH: `${counter}.l*`})) say("names", ...names);
client.destroy();
