using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Metrics;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl metrics</c>: once, or served on loopback for as long as the command runs.</summary>
internal static class MetricsCommand
{
    /// <summary>Longer requests, and slower ones, are not for this server.</summary>
    private const int LongestRequest = 8192;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(CommandContext context)
    {
        if (context.Words.Rest.Count > 0)
            throw new WrongUseException("", 2);
        if (context.Words.Argument('l') is { } word)
            return await ServeAsync(context, word);
        var families = await context.Toolstack.Metrics.MeasureAsync();
        await context.PrintAsync(context.IsJson ? ToJson(families).ToString(Formatting.Indented) : PrometheusText.Render(families).TrimEnd('\n'));
        return 0;
    }

    private static JArray ToJson(IEnumerable<MetricFamily> families) => new(families.SelectMany(family => family.Samples.Select(sample => new JObject
    {
        ["metric"] = family.Name, ["labels"] = new JObject(sample.Labels.Select(label => new JProperty(label.Name, label.Value))), ["value"] = sample.Value,
    })));

    private static async Task<int> ServeAsync(CommandContext context, string word)
    {
        if (!ushort.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            throw new ToolstackException($"'{word}' is no port: a number up to 65535.", 2);
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new ToolstackException($"Port {port} of loopback cannot be listened on: {e.Message}");
        }
        var interrupted = await context.Terminal.TakeSignalsAsync();
        await context.PrintAsync($"http://{listener.LocalEndpoint}/metrics");
        await context.FlushAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        try
        {
            // One after another: whoever is slow is dropped.
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stop.Token);
                await AnswerAsync(client, context.Toolstack.Metrics, stop.Token);
            }
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 0;
        }
    }

    private static async Task AnswerAsync(TcpClient client, IMetrics metrics, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        try
        {
            var stream = client.GetStream();
            var request = new byte[LongestRequest];
            var length = 0;
            while (length < request.Length && request.AsSpan(0, length).IndexOf("\r\n\r\n"u8) < 0)
            {
                if (await stream.ReadAsync(request.AsMemory(length), patience.Token) is not (> 0 and var read))
                    return;
                length += read;
            }
            var line = Encoding.ASCII.GetString(request, 0, length).Split("\r\n")[0].Split(' ');
            var (status, body) = line switch
            {
                ["GET", "/metrics", _] => ("200 OK", PrometheusText.Render(await metrics.MeasureAsync())),
                ["GET", _, _] => ("404 Not Found", "What there is to see is at /metrics.\n"),
                _ => ("405 Method Not Allowed", "Only GET is known here.\n"),
            };
            var bytes = Encoding.UTF8.GetBytes(body);
            var head = $"HTTP/1.1 {status}\r\nContent-Type: {PrometheusText.ContentType}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), patience.Token);
            await stream.WriteAsync(bytes, patience.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            // It left, or took too long.
        }
    }
}
