// ioredis, and iovalkey, which is made from it: its name is in CLIENT.
import {load, refusalOf, say, settings} from "./scenario.js";

const {host, port, counter, token} = settings;
const module = load(process.env.CLIENT ?? "ioredis");
const Client = module.default ?? module;
const connect = (options) => new Client({host, port, password: token, ...options});

const client = connect();
say("incr", await client.incr(counter));
say("incrby", await client.incrby(counter, 10));
say("get", await client.get(counter));
say("missing", await client.get(`${counter}.none`));
const pipeline = client.pipeline();
for (let i = 0; i < 10; ++i) pipeline.incr(counter);
say("pipeline", ...(await pipeline.exec()).map(([error, id]) => error ?? id));
const transaction = await client.multi().incr(counter).incrby(counter, 10).get(counter).exec();
say("transaction", ...transaction.map(([error, id]) => error ?? id));
say("refused", await refusalOf(() => client.decr(counter)));
const exact = connect({stringNumbers: true});
say("large", await exact.incr(`${counter}.large`));
say("rounded", await client.incr(`${counter}.large`));
say("names", ...(await client.scan(0, "MATCH", `${counter}.l*`))[1]);
client.disconnect();
exact.disconnect();
