import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Set;
import java.util.concurrent.TimeUnit;

class NextId {
    static final String SERVER = System.getenv().getOrDefault("IDS_URL", "http://127.0.0.1:8000");
    static final String TOKEN = System.getenv().getOrDefault("IDS_TOKEN", "");
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** A new id for a new key, the same id for the same key: use the order's own UUID. */
    static long nextId(String counter, String key, int attempts) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(SERVER + "/v1/counters/" + counter + "/next"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .header("Idempotency-Key", key).header("Authorization", "Bearer " + TOKEN).build();
        for (int attempt = 1; ; attempt++) {
            // The server answers within 5 s. Without an answer it may have taken an id: the key finds it.
            var call = HTTP.sendAsync(request, BodyHandlers.ofString()).orTimeout(8, TimeUnit.SECONDS);
            var answer = call.exceptionally(lost -> null).join();
            int status = answer == null ? 0 : answer.statusCode();
            if (status == 200) return Long.parseLong(answer.body().replaceAll("\\D", "")); // {"id":42}
            if (attempt == attempts || !Set.of(0, 408, 429, 502, 503, 504).contains(status))
                throw new IOException(call.join().body()); // join() throws what was wrong if no answer came.
            long pause = answer == null ? 1 : answer.headers().firstValueAsLong("Retry-After").orElse(1);
            Thread.sleep((long) (1000 * (pause + Math.random())));
        }
    }
}
