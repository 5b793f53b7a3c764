import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/**
 * What the programs here share; tests/e2e/test_redis_clients.py says what must come out of each of them.
 * Arguments: PORT COUNTER [TOKEN]
 */
final class Scenario {
  static final String HOST = "127.0.0.1";

  final int port;
  final String counter;
  final String missing;
  final String large;
  final String token;  // Null where none is needed.

  Scenario(String[] arguments) {
    port = Integer.parseInt(arguments[0]);
    counter = arguments[1];
    missing = counter + ".none";
    large = counter + ".large";
    token = arguments.length > 2 ? arguments[2] : null;
  }

  String url() {
    return "redis://" + (token == null ? "" : ":" + token + "@") + HOST + ":" + port;
  }

  static void say(String name, Object... values) {
    System.out.println(name + " " + Arrays.stream(values)
        .map(value -> Objects.toString(value, "none")).collect(Collectors.joining(" ")));
  }

  /** The innermost cause says what the server said. */
  static void sayRefusal(Callable<?> call) {
    try {
      say("refused", "not at all:", call.call());
    } catch (Exception error) {
      Throwable cause = error;
      while (cause.getCause() != null) cause = cause.getCause();
      say("refused", cause.getMessage());
    }
  }
}
