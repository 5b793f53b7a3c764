using System;
using System.Linq;
using System.Net.Http;
using System.Text.RegularExpressions;
using System.Threading.Tasks;

static class NextId
{
    static readonly string Server = Environment.GetEnvironmentVariable("IDS_URL") ?? "http://127.0.0.1:8000";
    static readonly string Token = Environment.GetEnvironmentVariable("IDS_TOKEN");
    static readonly HttpClient Http = new HttpClient
    {
        Timeout = TimeSpan.FromSeconds(8), // The server answers within 5 s.
        DefaultRequestHeaders = { { "Authorization", "Bearer " + Token } },
    };
    static readonly int[] TryAgain = { 408, 429, 502, 503, 504 };
    static readonly Random Chance = new Random();

    /// <summary>A new id for a new key, the same id for the same key: use the order's own UUID.</summary>
    public static async Task<long> Of(string counter, string key, int attempts = 10)
    {
        for (int attempt = 1; ; attempt++)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, $"{Server}/v1/counters/{counter}/next");
            request.Headers.Add("Idempotency-Key", key);
            double pause = 1;
            try
            {
                var answer = await Http.SendAsync(request);
                string text = await answer.Content.ReadAsStringAsync();
                if (answer.IsSuccessStatusCode) return long.Parse(Regex.Match(text, @"\d+").Value);
                if (attempt == attempts || !TryAgain.Contains((int)answer.StatusCode))
                    throw new InvalidOperationException(text);
                pause = answer.Headers.RetryAfter?.Delta?.TotalSeconds ?? pause;
            }
            catch (Exception lost)
                when (attempt < attempts && (lost is HttpRequestException || lost is TaskCanceledException))
            {
                // Perhaps it took an id: the same key finds it again.
            }
            await Task.Delay(TimeSpan.FromSeconds(pause + Chance.NextDouble()));
        }
    }
}
