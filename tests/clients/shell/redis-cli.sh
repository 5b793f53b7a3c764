#!/usr/bin/env bash
# redis-cli, which has no pipelines but lines on its standard input.
#   redis-cli.sh PORT COUNTER [TOKEN]
set -euo pipefail
counter=$2
command=(redis-cli -p "$1" --no-auth-warning ${3:+-a "$3"})

said() { printf '%s\n' "$1 $(paste -sd' ' | sed 's/  *$//')"; }

"${command[@]}" incr "$counter" | said incr
"${command[@]}" incrby "$counter" 10 | said incrby
"${command[@]}" get "$counter" | said get
[[ -z "$("${command[@]}" get "$counter.none")" ]] && echo none | said missing
for _ in {1..10}; do echo "INCR $counter"; done | "${command[@]}" | said pipeline
printf '%s\n' MULTI "INCR $counter" "INCRBY $counter 10" "GET $counter" EXEC | "${command[@]}" | tail -3 | said transaction
"${command[@]}" decr "$counter" | said refused
"${command[@]}" incr "$counter.large" | said large
