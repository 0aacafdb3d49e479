using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Pv.Abi;
using Pv.Config;
using Pv.Machine.Gate;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>
/// Reads a trace, an object of JSON a line, packed by gzip or not: as <c>xl trace DOMAIN show --json</c> prints it, or as a debugger beside real
/// Xen wrote it (<c>op</c>, <c>a</c>, <c>d</c>). Which one it is each line tells by its fields.
/// </summary>
public static class TraceFile
{
    private const int EntryWords = MulticallEntry.WireSize / sizeof(ulong), FirstArgument = 2, Arguments = 6;

    /// <summary>The longest line: many times what a call with the most inputs has.</summary>
    private const int LongestLine = 16 << 20;

    /// <summary>The most that is read of a pipe.</summary>
    private const long MostOfPipe = 1 << 30;

    /// <exception cref="FormatException">It is no trace; the message names the line.</exception>
    /// <exception cref="ToolstackLabException">It cannot be opened.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<ReplayCall> Read(string path)
    {
        using var open = LabFile.OpenRead(path);
        // A pipe is read once.
        using var file = open.CanSeek ? open : (Stream)new MemoryStream(BoundedFile.Read(open, MostOfPipe));
        using var unpacked = IsPacked(file) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(unpacked);
        var lines = new BoundedLines(reader, LongestLine);
        var calls = new List<ReplayCall>();
        // A call that was stopped in between comes again as a line of its own: which processors' next line goes on.
        var unfinished = new HashSet<ulong>();
        var number = 0;
        try
        {
            while (true)
            {
                number++;
                if (lines.Read() is not { } line)
                    break;
                if (line.Length == 0)
                    continue;
                using var row = JsonDocument.Parse(line);
                // What came from a queue entered nothing, and no batch would have saved an entry.
                if (row.RootElement.TryGetProperty(TraceJson.Queue, out _))
                    continue;
                if (row.RootElement.TryGetProperty("hypercall", out _))
                    Add(calls, unfinished, OfPv(row.RootElement), Text(row.RootElement, "outcome") == "continued");
                else if (row.RootElement.TryGetProperty("op", out _))
                    calls.Add(OfXen(row.RootElement));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or KeyNotFoundException or FormatException or InvalidOperationException or OverflowException)
        {
            // What a reader of JSON says of a place counts from the line that it was given.
            throw new FormatException($"{path}: line {number} is no line of a trace ({(e is JsonException ? "it is no JSON" : e.Message)})", e);
        }
        return calls.Count > 0 ? calls : throw new FormatException($"{path} has no hypercalls: a trace is what 'xl trace DOMAIN show --json' prints.");
    }

    private static bool IsPacked(Stream file)
    {
        var isPacked = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return isPacked;
    }

    private static void Add(List<ReplayCall> calls, HashSet<ulong> unfinished, ReplayCall call, bool goesOn)
    {
        if (unfinished.Contains(call.Processor))
        {
            // The guest made it once. Entries that it came to only now belong to it.
            var at = calls.FindLastIndex(earlier => earlier.Processor == call.Processor);
            calls[at] = calls[at] with { Entries = [.. calls[at].Entries, .. call.Entries.Skip(calls[at].Entries.Count > 0 ? 1 : 0)] };
        }
        else
        {
            calls.Add(call);
        }
        if (goesOn)
            unfinished.Add(call.Processor);
        else
            unfinished.Remove(call.Processor);
    }

    private static ReplayCall OfPv(JsonElement row)
    {
        var registers = Registers(TraceText.Number(Text(row, "hypercall")), [.. row.GetProperty("arguments").EnumerateArray().Select(value => Hex(value.GetString()!))]);
        var entries = new List<HypercallRegisters>();
        if (registers.Number == (ulong)HypercallNumber.Multicall)
        {
            var inputs = row.GetProperty("inputs").EnumerateArray().Select(input => (Address: Hex(Text(input, "address")), Bytes: Convert.FromHexString(Text(input, "bytes"))))
                .DistinctBy(input => input.Address).ToDictionary(input => input.Address, input => input.Bytes);
            for (ulong i = 0; i < registers.Second && inputs.TryGetValue(registers.First + (i * MulticallEntry.WireSize), out var entry) && entry.Length == MulticallEntry.WireSize; i++)
                entries.Add(Registers(BitConverter.ToUInt64(entry), [.. Enumerable.Range(FirstArgument, EntryWords - FirstArgument).Select(word => BitConverter.ToUInt64(entry, word * sizeof(ulong)))]));
        }
        return new ReplayCall(row.GetProperty("vcpu").GetUInt64(), registers, entries);
    }

    // Its processors are known by the bases of their data.
    private static ReplayCall OfXen(JsonElement row)
        => new(row.TryGetProperty("gs", out var data) ? data.GetUInt64() : 0, OfXenCall(row),
            row.TryGetProperty("d", out var read) && read.TryGetProperty("mc", out var entries) ? [.. entries.EnumerateArray().Select(OfXenCall)] : []);

    private static HypercallRegisters OfXenCall(JsonElement call)
        => Registers(call.GetProperty("op").GetUInt64(), [.. call.GetProperty("a").EnumerateArray().Select(value => value.GetUInt64())]);

    private static HypercallRegisters Registers(ulong number, ulong[] arguments)
    {
        Array.Resize(ref arguments, Arguments);
        return new HypercallRegisters(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    }

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString() ?? throw new InvalidDataException($"{name} is no text");

    private static ulong Hex(string text)
        => text.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : throw new InvalidDataException($"'{text}' is no number");
}
