using System.Globalization;
using System.Text;
using Newtonsoft.Json;
using Pv.Abi;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Metrics;

namespace Pv.Toolstack.Commands;

/// <summary>
/// <c>xl top</c>: the domains, again and again. On a terminal it is a screen with keys; with <c>-b</c>, or into a file or a pipe, one table after the other.
/// </summary>
internal static class TopCommand
{
    private const string ClearScreen = "\e[H\e[J", HideCursor = "\e[?25l", ShowCursor = "\e[?25h", ClearLine = "\e[K";

    /// <summary>Orders in which a screen can stand, as the key s goes through them.</summary>
    private static readonly (string Name, Func<TopRow, IComparable> Key)[] Orders =
    [
        ("CPU(%)", row => -row.Busy), ("domain id", row => row.Domain.Id.Value), ("name", row => row.Domain.Name),
        ("CPU(sec)", row => -(double)row.Domain.CpuTime), ("MEM(k)", row => -(double)row.Domain.Pages),
    ];

    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Rest.Count > 0)
            throw new WrongUseException("", 1);
        var delay = Seconds(words.Argument('d'));
        var rounds = words.Number('i') ?? int.MaxValue;
        var options = new HashSet<char>("nxrvfz".Where(words.Has));
        var isScreen = !words.Has('b') && !context.IsJson && context.Terminal.Facts.Terminals.HasFlag(StandardStreams.Input | StandardStreams.Output);
        return isScreen ? await ShowAsync(context, options, delay, rounds) : await PrintAsync(context, options, delay, rounds);
    }

    private static TimeSpan Seconds(string? word)
    {
        if (word is null)
            return TimeSpan.FromSeconds(3);
        return double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1_000_000
            ? TimeSpan.FromSeconds(seconds) : throw new ToolstackException($"-d takes seconds, more than 0, not '{word}'.");
    }

    private static async Task<int> PrintAsync(CommandContext context, HashSet<char> options, TimeSpan delay, int rounds)
    {
        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        var table = new TopTable(options.Contains);
        TopSample? before = null;
        try
        {
            for (var round = 0; round < rounds; round++)
            {
                if (round > 0)
                    await Task.Delay(delay, end.Token);
                before = await SampleAsync(context, options, before);
                if (context.IsJson)
                    await context.PrintAsync(TopJson.Of(before).ToString(Formatting.None));
                else
                    await PrintAsync(context, table.Lines(Sorted(before, options, 1)));
                await context.FlushAsync();
            }
            return 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 0;
        }
    }

    private static async Task PrintAsync(CommandContext context, IEnumerable<string> lines)
    {
        foreach (var line in lines)
            await context.PrintAsync(line);
    }

    private static async Task<int> ShowAsync(CommandContext context, HashSet<char> options, TimeSpan delay, int rounds)
    {
        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        await using var input = await context.Terminal.OpenInputAsync(raw: true, escape: null);
        var table = new TopTable(options.Contains);
        var (order, key) = (0, new byte[16]);
        var typed = input.ReadAsync(key, end.Token).AsTask();
        TopSample? sample = null;
        try
        {
            for (var round = 0; round < rounds; round++)
            {
                sample = await SampleAsync(context, options, sample);
                var due = Task.Delay(delay, end.Token);
                do
                {
                    await WriteAsync(context, Screen(context, table, Sorted(sample, options, order), order));
                    await Task.WhenAny(due, typed);
                    if (!typed.IsCompleted)
                        break;
                    var read = await typed;
                    if (read == 0 || !Press(key.AsSpan(0, read), options, ref order))
                        return 0;
                    typed = input.ReadAsync(key, end.Token).AsTask();
                }
                while (!due.IsCompleted);
                await due;
            }
            return 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 0;
        }
        finally
        {
            if (!context.Terminal.Gone.IsCancellationRequested)
                await WriteAsync(context, ShowCursor + "\r\n");
        }
    }

    /// <summary>What keys do. False: leave.</summary>
    private static bool Press(ReadOnlySpan<byte> keys, HashSet<char> options, ref int order)
    {
        const byte Interrupt = 3, Escape = 27;
        foreach (var key in keys)
        {
            switch (char.ToLowerInvariant((char)key))
            {
                case 'q' or (char)Interrupt or (char)Escape:
                    return false;
                case 's':
                    order = (order + 1) % Orders.Length;
                    break;
                case var letter when "nxbvrf".Contains(letter):
                    var option = letter == 'b' ? 'x' : letter;
                    if (!options.Remove(option))
                        options.Add(option);
                    break;
            }
        }
        return true;
    }

    private static string Screen(CommandContext context, TopTable table, TopSample sample, int order)
    {
        var facts = context.Terminal.Facts;
        var (columns, rows) = (facts.Columns > 0 ? facts.Columns : 80, facts.Rows > 0 ? facts.Rows : 24);
        var text = new StringBuilder(HideCursor + ClearScreen);
        foreach (var line in TopTable.Summary(sample).Concat(table.Lines(sample)).Take(rows - 1))
            text.Append(line.Length > columns ? line[..columns] : line).Append(ClearLine).Append("\r\n");
        var keys = $"q quit  s sort ({Orders[order].Name})  v vCPUs  x disks  r repeat header  f full names";
        return text.Append(keys.Length > columns ? keys[..columns] : keys).Append(ClearLine).ToString();
    }

    private static TopSample Sorted(TopSample sample, HashSet<char> options, int order)
    {
        var rows = sample.Rows.OrderBy(Orders[order].Key);
        return sample with { Rows = [.. options.Contains('z') ? rows.OrderBy(row => row.Domain.Id != DomId.Dom0) : rows] };
    }

    private static async Task<TopSample> SampleAsync(CommandContext context, HashSet<char> options, TopSample? before)
    {
        var now = DateTimeOffset.Now;
        var rows = new List<TopRow>();
        var transfers = Transfers(await context.Toolstack.Metrics.MeasureAsync());
        foreach (var domain in await context.Domains.ListAsync())
        {
            var last = before?.Rows.FirstOrDefault(row => row.Domain.Id == domain.Id && row.Domain.Uuid == domain.Uuid);
            var busy = last is null || domain.CpuTime < last.Domain.CpuTime ? 0
                : (domain.CpuTime - last.Domain.CpuTime) / 1e7 / Math.Max(1e-3, (now - before!.At).TotalSeconds);
            var disks = domain.Id == DomId.Dom0 ? [] : await context.Toolstack.Disks.ListDisksAsync(domain.Id);
            rows.Add(new TopRow(domain, busy, [.. disks.Select(disk => disk.Number)], transfers.GetValueOrDefault(domain.Id, NoTransfers), options.Contains('v') ? await VcpusAsync(context, domain) : []));
        }
        return new TopSample(now, context.Toolstack.Host.Describe(), rows);
    }

    private static readonly Dictionary<int, TopTransfers> NoTransfers = [];

    /// <summary>What the measurements say of disks, by domain and number.</summary>
    private static Dictionary<DomId, Dictionary<int, TopTransfers>> Transfers(IReadOnlyList<MetricFamily> measured)
    {
        var all = new Dictionary<DomId, Dictionary<int, TopTransfers>>();
        foreach (var family in measured)
        {
            foreach (var sample in family.Samples)
            {
                string Label(string name) => sample.Labels.FirstOrDefault(label => label.Name == name).Value ?? "";
                var count = (long)sample.Value;
                TopTransfers? part = (family.Name, Label("operation")) switch
                {
                    ("pv_disk_requests_total", "read") => new(count, 0, 0, 0),
                    ("pv_disk_requests_total", "write") => new(0, count, 0, 0),
                    ("pv_disk_sectors_total", "read") => new(0, 0, count, 0),
                    ("pv_disk_sectors_total", "write") => new(0, 0, 0, count),
                    _ => null,
                };
                if (part is null || DomainWords.TryNumber(Label("domid")) is not { } domain
                    || !int.TryParse(Label("vdev"), NumberStyles.None, CultureInfo.InvariantCulture, out var disk))
                    continue;
                if (!all.TryGetValue(domain, out var disks))
                    all[domain] = disks = [];
                disks[disk] = disks.GetValueOrDefault(disk).Add(part.Value);
            }
        }
        return all;
    }

    /// <summary>None of a domain that has gone meanwhile.</summary>
    private static async Task<IReadOnlyList<VcpuView>> VcpusAsync(CommandContext context, DomainView domain)
    {
        try
        {
            return await context.Domains.ListVcpusAsync(domain.Id);
        }
        catch (ToolstackException)
        {
            return [];
        }
    }

    private static async Task WriteAsync(CommandContext context, string text)
        => await context.Terminal.WriteAsync(StandardStreams.Output, Encoding.UTF8.GetBytes(text));
}
