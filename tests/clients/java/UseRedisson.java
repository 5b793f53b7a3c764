import org.redisson.Redisson;
import org.redisson.api.BatchOptions;
import org.redisson.api.RBatch;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** RAtomicLong: getAndAdd, compareAndSet and the like are scripts, which are refused. */
final class UseRedisson {
  public static void main(String[] arguments) {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    Config config = new Config();
    config.useSingleServer().setAddress("redis://" + Scenario.HOST + ":" + scenario.port)
        .setPassword(scenario.token);
    RedissonClient client = Redisson.create(config);
    try {
      var atomic = client.getAtomicLong(counter);
      Scenario.say("incr", atomic.incrementAndGet());
      Scenario.say("incrby", atomic.addAndGet(10));
      Scenario.say("get", atomic.get());
      Scenario.say("missing", client.getBucket(scenario.missing).get());
      RBatch pipeline = client.createBatch();
      for (int i = 0; i < 10; ++i) pipeline.getAtomicLong(counter).incrementAndGetAsync();
      Scenario.say("pipeline", pipeline.execute().getResponses().toArray());
      RBatch transaction = client.createBatch(
          BatchOptions.defaults().executionMode(BatchOptions.ExecutionMode.IN_MEMORY_ATOMIC));
      transaction.getAtomicLong(counter).incrementAndGetAsync();
      transaction.getAtomicLong(counter).addAndGetAsync(10);
      transaction.getAtomicLong(counter).getAsync();
      Scenario.say("transaction", transaction.execute().getResponses().toArray());
      Scenario.sayRefusal(atomic::decrementAndGet);
      Scenario.say("large", client.getAtomicLong(scenario.large).incrementAndGet());
    } finally {
      client.shutdown();
    }
  }
}
