<?php
// What the programs here share; tests/e2e/test_redis_clients.py says what must come out of each of them.
//   php PROGRAM.php PORT COUNTER [TOKEN]

function say(string $name, ...$values): void {
    echo implode(' ', [$name, ...array_map(fn($value) => $value ?? 'none', $values)]), "\n";
}
