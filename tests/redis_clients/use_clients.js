// Uses ioredis and node-redis on the server at the port that is its argument, and prints what they
// got as JSON: {"ioredis": {...}, "redis2": {...}, "redis3": {...}}.
import Redis from "ioredis";
import {createClient} from "redis";

const port = Number(process.argv[2]);

async function useIoredis() {
  const client = new Redis({host: "127.0.0.1", port, maxRetriesPerRequest: 0});
  try {
    const pipeline = client.pipeline();
    for (let i = 0; i < 100; ++i) pipeline.incr("ioredis");
    const ids = (await pipeline.exec()).map(([error, id]) => error ?? id);
    const end = await client.incrby("ioredis", 10);
    const refused = await client.set("ioredis", 1).catch((error) => error.message);
    const value = await client.get("ioredis");
    const transaction = (await client.multi().incr("ioredis").incr("ioredis").exec()).map(
      ([error, id]) => error ?? id);
    return {ids, end, value, refused, transaction,
            none: await client.get("no-such-counter"), names: (await client.scan(0, "MATCH", "io*"))[1]};
  } finally {
    client.disconnect();
  }
}

async function useNodeRedis(RESP) {
  const counter = `redis${RESP}`;
  const client = createClient({socket: {host: "127.0.0.1", port, reconnectStrategy: false}, RESP,
                               name: "test"});
  await client.connect();
  try {
    const ids = await Promise.all(Array.from({length: 100}, () => client.incr(counter)));
    const end = await client.incrBy(counter, 10);
    const refused = await client.decr(counter).catch((error) => error.message);
    const names = [];
    for await (const page of client.scanIterator({MATCH: `${counter}*`})) names.push(...page);
    const value = await client.get(counter);
    const transaction = await client.multi().incr(counter).incr(counter).exec();
    return {ids, end, value, refused, transaction,
            none: await client.get("no-such-counter"), names};
  } finally {
    client.destroy();
  }
}

console.log(JSON.stringify({
  ioredis: await useIoredis(),
  redis2: await useNodeRedis(2),
  redis3: await useNodeRedis(3),
}));
