<?php
// Predis, in PHP alone.
require 'Predis/Autoloader.php';
require __DIR__ . '/scenario.php';

Predis\Autoloader::register();
[, $port, $counter] = $argv;
$client = new Predis\Client(['host' => '127.0.0.1', 'port' => (int)$port, 'password' => $argv[3] ?? null]);

say('incr', $client->incr($counter));
say('incrby', $client->incrby($counter, 10));
say('get', $client->get($counter));
say('missing', $client->get("$counter.none"));
say('pipeline', ...$client->pipeline(function ($pipeline) use ($counter) {
    for ($i = 0; $i < 10; ++$i) $pipeline->incr($counter);
}));
say('transaction', ...$client->transaction()->incr($counter)->incrby($counter, 10)->get($counter)->execute());
try {
    say('refused', 'not at all:', $client->decr($counter));
} catch (Predis\Response\ServerException $error) {
    say('refused', $error->getMessage());
}
say('large', $client->incr("$counter.large"));
