// Prints the id of a key: java NextId.java COUNTER KEY
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

public class NextId {
    static final String SERVER = System.getenv().getOrDefault("IDS_URL", "http://127.0.0.1:8000");
    static final String TOKEN = System.getenv("IDS_TOKEN");
    static final int TIMEOUT_S = 8; // The server answers within its --request-timeout, 5 s.
    static final Set<Integer> TRY_AGAIN = Set.of(408, 429, 502, 503, 504);
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** A new id for a new key, the same id for the same key: use the order's own UUID. */
    static long nextId(String counter, String key, int patienceS) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(SERVER + "/v1/counters/" + counter + "/next"))
                .POST(HttpRequest.BodyPublishers.noBody()).header("Idempotency-Key", key);
        if (TOKEN != null) request.header("Authorization", "Bearer " + TOKEN);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(patienceS);
        for (;;) {
            IOException failure;
            boolean mayRepeat = true;
            long waitMs = 1000;
            try {
                var answer = HTTP.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
                        .orTimeout(TIMEOUT_S, TimeUnit.SECONDS).join();
                var id = Pattern.compile("\"id\":(\\d+)").matcher(answer.body());
                if (answer.statusCode() == 200 && id.find()) return Long.parseLong(id.group(1));
                failure = new IOException(answer.body());
                mayRepeat = TRY_AGAIN.contains(answer.statusCode());
                waitMs = 1000 * answer.headers().firstValueAsLong("Retry-After").orElse(1);
            } catch (CompletionException lost) { // Perhaps it took an id: the key finds it again.
                failure = new IOException(lost.getCause());
            }
            waitMs *= 1 + Math.random() / 2;
            if (!mayRepeat || System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMs) - deadline > 0) throw failure;
            Thread.sleep(waitMs);
        }
    }

    public static void main(String[] words) throws Exception {
        System.out.println(nextId(words[0], words[1], 60));
    }
}
