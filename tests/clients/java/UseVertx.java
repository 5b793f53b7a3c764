import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.redis.client.Command;
import io.vertx.redis.client.Redis;
import io.vertx.redis.client.Request;
import io.vertx.redis.client.Response;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

final class UseVertx {
  public static void main(String[] arguments) throws Exception {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    Vertx vertx = Vertx.vertx();
    Redis client = Redis.createClient(vertx, scenario.url());
    try {
      Scenario.say("incr", wait(client.send(request(Command.INCR, counter))).toLong());
      Scenario.say("incrby", wait(client.send(request(Command.INCRBY, counter, "10"))).toLong());
      Scenario.say("get", wait(client.send(request(Command.GET, counter))).toLong());
      Scenario.say("missing", wait(client.send(request(Command.GET, scenario.missing))));
      List<Response> ids = wait(client.batch(Collections.nCopies(10, request(Command.INCR, counter))));
      Scenario.say("pipeline", ids.toArray());
      List<Response> transaction = wait(client.batch(List.of(
          Request.cmd(Command.MULTI), request(Command.INCR, counter),
          request(Command.INCRBY, counter, "10"), request(Command.GET, counter),
          Request.cmd(Command.EXEC))));
      Scenario.say("transaction", transaction.get(4).stream().toArray());
      Scenario.sayRefusal(() -> wait(client.send(request(Command.DECR, counter))));
      Scenario.say("large", wait(client.send(request(Command.INCR, scenario.large))).toLong());
    } finally {
      client.close();
      wait(vertx.close());
    }
  }

  private static Request request(Command command, String... arguments) {
    Request request = Request.cmd(command);
    for (String argument : arguments) request.arg(argument);
    return request;
  }

  private static <T> T wait(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }
}
