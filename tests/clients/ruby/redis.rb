# redis-rb. tests/e2e/test_redis_clients.py says what must come out.
#   ruby redis.rb PORT COUNTER [TOKEN]
require "redis"

port, counter, token = ARGV

def say(name, *values)
  puts [name, *values.map { |value| value.nil? ? "none" : value }].join(" ")
end

client = Redis.new(host: "127.0.0.1", port: port.to_i, password: token)
say "incr", client.incr(counter)
say "incrby", client.incrby(counter, 10)
say "get", client.get(counter)
say "missing", client.get("#{counter}.none")
say "pipeline", *client.pipelined { |pipeline| 10.times { pipeline.incr(counter) } }
transaction = client.multi do |queue|
  queue.incr(counter)
  queue.incrby(counter, 10)
  queue.get(counter)
end
say "transaction", *transaction
begin
  say "refused", "not at all:", client.decr(counter)
rescue Redis::CommandError => error
  say "refused", error.message
end
say "large", client.incr("#{counter}.large")
