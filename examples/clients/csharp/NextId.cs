// Prints the id of a key: mcs -r:System.Net.Http NextId.cs && mono NextId.exe COUNTER KEY
using System;
using System.Diagnostics;
using System.Linq;
using System.Net.Http;
using System.Text.RegularExpressions;
using System.Threading.Tasks;

static class NextId
{
    static readonly string Server = Environment.GetEnvironmentVariable("IDS_URL") ?? "http://127.0.0.1:8000";
    static readonly string Token = Environment.GetEnvironmentVariable("IDS_TOKEN");
    static readonly int[] TryAgain = { 408, 429, 502, 503, 504 };
    static readonly Random Chance = new Random();
    // The server answers within its --request-timeout, 5 s.
    static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(8) };

    /// <summary>A new id for a new key, the same id for the same key: use the order's own UUID.</summary>
    static async Task<long> Of(string counter, string key, double patienceS = 60)
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            Exception failure;
            bool mayRepeat = true;
            double waitS = 1;
            try
            {
                // A request can be sent once only.
                var request = new HttpRequestMessage(HttpMethod.Post, $"{Server}/v1/counters/{counter}/next");
                request.Headers.Add("Idempotency-Key", key);
                if (Token != null) request.Headers.Add("Authorization", "Bearer " + Token);
                using (var answer = await Http.SendAsync(request))
                {
                    string text = await answer.Content.ReadAsStringAsync();
                    if (answer.IsSuccessStatusCode) return long.Parse(Regex.Match(text, "\"id\":(\\d+)").Groups[1].Value);
                    failure = new Exception(text);
                    mayRepeat = TryAgain.Contains((int)answer.StatusCode);
                    waitS = answer.Headers.RetryAfter?.Delta?.TotalSeconds ?? waitS;
                }
            }
            catch (Exception lost) when (lost is HttpRequestException || lost is TaskCanceledException)
            {
                failure = lost; // Perhaps it took an id: the key finds it again.
            }
            waitS *= 1 + Chance.NextDouble() / 2;
            if (!mayRepeat || since.Elapsed.TotalSeconds + waitS > patienceS) throw failure;
            await Task.Delay(TimeSpan.FromSeconds(waitS));
        }
    }

    static void Main(string[] words)
    {
        Console.WriteLine(Of(words[0], words[1]).GetAwaiter().GetResult());
    }
}
