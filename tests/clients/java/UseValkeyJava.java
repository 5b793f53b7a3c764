import io.valkey.DefaultJedisClientConfig;
import io.valkey.HostAndPort;
import io.valkey.JedisPooled;
import io.valkey.Response;
import java.util.ArrayList;
import java.util.List;

final class UseValkeyJava {
  public static void main(String[] arguments) {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    try (JedisPooled client = new JedisPooled(new HostAndPort(Scenario.HOST, scenario.port),
        DefaultJedisClientConfig.builder().password(scenario.token).build())) {
      Scenario.say("incr", client.incr(counter));
      Scenario.say("incrby", client.incrBy(counter, 10));
      Scenario.say("get", client.get(counter));
      Scenario.say("missing", client.get(scenario.missing));
      List<Response<Long>> ids = new ArrayList<>();
      try (var pipeline = client.pipelined()) {
        for (int i = 0; i < 10; ++i) ids.add(pipeline.incr(counter));
        pipeline.sync();
      }
      Scenario.say("pipeline", ids.stream().map(Response::get).toArray());
      try (var transaction = client.multi()) {
        transaction.incr(counter);
        transaction.incrBy(counter, 10);
        transaction.get(counter);
        Scenario.say("transaction", transaction.exec().toArray());
      }
      Scenario.sayRefusal(() -> client.decr(counter));
      Scenario.say("large", client.incr(scenario.large));
    }
  }
}
