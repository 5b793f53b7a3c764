import glide.api.GlideClient;
import glide.api.logging.Logger;
import glide.api.models.Batch;
import glide.api.models.configuration.GlideClientConfiguration;
import glide.api.models.configuration.NodeAddress;
import glide.api.models.configuration.ServerCredentials;

final class UseValkeyGlide {
  public static void main(String[] arguments) throws Exception {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    Logger.setLoggerConfig(Logger.Level.OFF);  // It writes to standard output.
    var settings = GlideClientConfiguration.builder()
        .address(NodeAddress.builder().host(Scenario.HOST).port(scenario.port).build());
    if (scenario.token != null) {
      settings.credentials(ServerCredentials.builder().password(scenario.token).build());
    }
    try (GlideClient client = GlideClient.createClient(settings.build()).get()) {
      Scenario.say("incr", client.incr(counter).get());
      Scenario.say("incrby", client.incrBy(counter, 10).get());
      Scenario.say("get", client.get(counter).get());
      Scenario.say("missing", client.get(scenario.missing).get());
      Batch pipeline = new Batch(false);
      for (int i = 0; i < 10; ++i) pipeline.incr(counter);
      Scenario.say("pipeline", client.exec(pipeline, true).get());
      Batch transaction = new Batch(true).incr(counter).incrBy(counter, 10).get(counter);
      Scenario.say("transaction", client.exec(transaction, true).get());
      Scenario.sayRefusal(() -> client.decr(counter).get());
      Scenario.say("large", client.incr(scenario.large).get());
    }
  }
}
