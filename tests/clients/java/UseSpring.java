import org.springframework.data.redis.connection.RedisStandaloneConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.RedisOperations;
import org.springframework.data.redis.core.SessionCallback;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.support.atomic.RedisAtomicLong;

/** RedisAtomicLong, which makes its counter by SETNX; the rest by StringRedisTemplate, over Lettuce. */
final class UseSpring {
  public static void main(String[] arguments) {
    Scenario scenario = new Scenario(arguments);
    String counter = scenario.counter;
    var server = new RedisStandaloneConfiguration(Scenario.HOST, scenario.port);
    if (scenario.token != null) server.setPassword(scenario.token);
    var factory = new LettuceConnectionFactory(server);
    factory.afterPropertiesSet();
    factory.start();
    try {
      var atomic = new RedisAtomicLong(counter, factory);
      var template = new StringRedisTemplate(factory);
      Scenario.say("incr", atomic.incrementAndGet());
      Scenario.say("incrby", atomic.addAndGet(10));
      Scenario.say("get", atomic.get());
      Scenario.say("missing", template.opsForValue().get(scenario.missing));
      Scenario.say("pipeline", template.executePipelined(in(session -> {
        for (int i = 0; i < 10; ++i) session.opsForValue().increment(counter);
        return null;
      })).toArray());
      Scenario.say("transaction", template.execute(in(session -> {
        session.multi();
        session.opsForValue().increment(counter);
        session.opsForValue().increment(counter, 10);
        session.opsForValue().get(counter);
        return session.exec();
      })).toArray());
      Scenario.sayRefusal(atomic::decrementAndGet);
      Scenario.say("large", template.opsForValue().increment(scenario.large));
    } finally {
      factory.destroy();
    }
  }

  private interface Commands<T> {
    T run(RedisOperations<String, String> session);
  }

  private static <T> SessionCallback<T> in(Commands<T> commands) {
    return new SessionCallback<>() {
      @Override
      @SuppressWarnings("unchecked")
      public <K, V> T execute(RedisOperations<K, V> session) {
        return commands.run((RedisOperations<String, String>) session);
      }
    };
  }
}
