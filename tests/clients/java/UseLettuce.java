import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import java.util.ArrayList;
import java.util.List;

final class UseLettuce {
  public static void main(String[] arguments) throws Exception {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    RedisClient client = RedisClient.create(scenario.url());
    try (var connection = client.connect()) {
      var sync = connection.sync();
      var async = connection.async();
      Scenario.say("incr", sync.incr(counter));
      Scenario.say("incrby", sync.incrby(counter, 10));
      Scenario.say("get", sync.get(counter));
      Scenario.say("missing", sync.get(scenario.missing));
      List<RedisFuture<Long>> futures = new ArrayList<>();
      connection.setAutoFlushCommands(false);
      for (int i = 0; i < 10; ++i) futures.add(async.incr(counter));
      connection.flushCommands();
      connection.setAutoFlushCommands(true);
      List<Object> ids = new ArrayList<>();
      for (RedisFuture<Long> id : futures) ids.add(id.get());
      Scenario.say("pipeline", ids.toArray());
      sync.multi();
      sync.incr(counter);
      sync.incrby(counter, 10);
      sync.get(counter);
      Scenario.say("transaction", sync.exec().stream().toArray());
      Scenario.sayRefusal(() -> sync.decr(counter));
      Scenario.say("large", sync.incr(scenario.large));
    } finally {
      client.shutdown();
    }
  }
}
