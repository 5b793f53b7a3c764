<?php
// phpredis, PHP's extension.
require __DIR__ . '/scenario.php';

[, $port, $counter] = $argv;
$client = new Redis();
$client->connect('127.0.0.1', (int)$port);
if (isset($argv[3])) $client->auth($argv[3]);

say('incr', $client->incr($counter));
say('incrby', $client->incrBy($counter, 10));
say('get', $client->get($counter));
$missing = $client->get("$counter.none");
say('missing', $missing === false ? null : $missing);
$pipeline = $client->pipeline();
for ($i = 0; $i < 10; ++$i) $pipeline->incr($counter);
say('pipeline', ...$pipeline->exec());
say('transaction', ...$client->multi()->incr($counter)->incrBy($counter, 10)->get($counter)->exec());
// It tells of errors by the value false, and keeps the sentence.
say('refused', $client->decr($counter) === false ? rtrim($client->getLastError(), "\0") : 'not at all');
say('large', $client->incr("$counter.large"));
