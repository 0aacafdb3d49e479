using System.IO.Compression;
using System.Text.Json;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>
/// The calls of a kernel on real Xen, as a debugger wrote them down: one JSON object a line, in the order of entry, with the structures that the
/// call read (<c>d</c>) and those that stood there when it had returned (<c>out</c>).
/// </summary>
internal static class RecordedTrace
{
    /// <summary>Reads a trace that is packed by gzip.</summary>
    public static IReadOnlyList<ObservedCall> Read(string path)
    {
        using var file = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var calls = new List<ObservedCall>();
        while (file.ReadLine() is { } line)
        {
            if (line.Length == 0)
                continue;
            using var row = JsonDocument.Parse(line);
            if (row.RootElement.TryGetProperty("op", out _))
                calls.Add(Call(row.RootElement));
        }
        return calls;
    }

    private static ObservedCall Call(JsonElement row)
    {
        var arguments = row.GetProperty("a").EnumerateArray().Select(value => value.GetUInt64()).Concat(new ulong[6]).Take(6).ToArray();
        var registers = new HypercallRegisters(row.GetProperty("op").GetUInt64(), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
        var inputs = new List<TracedBytes>();
        var outputs = new List<TracedBytes>();
        var read = row.GetProperty("d");
        Inputs(registers, read, inputs);
        if (registers.Number == (ulong)HypercallNumber.Iret)
            inputs.Add(new TracedBytes(row.GetProperty("rsp").GetUInt64(), Words(read.GetProperty("f"))));
        if (row.TryGetProperty("out", out var written))
            Outputs(registers, written, outputs);
        if (written.ValueKind == JsonValueKind.Object && written.TryGetProperty("e820", out var ranges))
            outputs.Add(new TracedBytes(BitConverter.ToUInt64(inputs[0].Content, sizeof(ulong)), Convert.FromHexString(ranges.GetString()!)));
        var vcpu = VcpuOf(row, registers);
        var result = row.TryGetProperty("ret", out var returned) ? (long)returned.GetUInt64() : 0;
        var stored = row.TryGetProperty("stored", out var entries) ? Stored(entries) : [];
        var call = new TracedHypercall(row.GetProperty("seq").GetUInt64(), vcpu, registers, 0, 0, result, false, false, inputs, outputs, false);
        return new ObservedCall(call, stored);
    }

    // A vCPU is known by the base of its kernel's per-CPU data. While it has none, it is about to set it.
    private static VcpuId VcpuOf(JsonElement row, HypercallRegisters call)
    {
        const ulong secondBase = 0xffff_8880_0f90_0000;
        var data = row.TryGetProperty("gs", out var known) ? known.GetUInt64() : 0;
        return new VcpuId((data == 0 ? call.Second : data) == secondBase ? 1u : 0);
    }

    private static ulong[] Stored(JsonElement entries) => entries.ValueKind switch
    {
        JsonValueKind.Array => [.. entries.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Number).Select(entry => entry.GetUInt64())],
        JsonValueKind.Number => [entries.GetUInt64()],
        _ => [],
    };

    private static void Inputs(HypercallRegisters call, JsonElement read, List<TracedBytes> inputs)
    {
        if (read.TryGetProperty("in", out var structure))
            inputs.Add(new TracedBytes(StructureOf(call), Convert.FromHexString(structure.GetString()!)));
        if (read.TryGetProperty("u", out var updates))
            inputs.Add(new TracedBytes(call.First, [.. updates.EnumerateArray().SelectMany(Words)]));
        if (read.TryGetProperty("ops", out var operations))
            inputs.Add(new TracedBytes(call.First, [.. operations.EnumerateArray().SelectMany(Words)]));
        if (read.TryGetProperty("t", out var traps))
            inputs.Add(new TracedBytes(call.First, [.. traps.EnumerateArray().SelectMany(Trap), .. new byte[TrapInfo.WireSize]]));
        if (read.TryGetProperty("mc", out var entries))
            Entries(call, entries, inputs);
    }

    private static void Entries(HypercallRegisters call, JsonElement entries, List<TracedBytes> inputs)
    {
        var at = call.First;
        foreach (var entry in entries.EnumerateArray())
        {
            var number = entry.GetProperty("op").GetUInt64();
            var arguments = entry.GetProperty("a").EnumerateArray().Select(value => value.GetUInt64()).ToArray();
            inputs.Add(new TracedBytes(at, [.. BitConverter.GetBytes(number), .. new byte[sizeof(long)], .. arguments.SelectMany(BitConverter.GetBytes)]));
            Inputs(new HypercallRegisters(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]), entry, inputs);
            at += MulticallEntry.WireSize;
        }
    }

    private static void Outputs(HypercallRegisters call, JsonElement written, List<TracedBytes> outputs)
    {
        if (written.TryGetProperty("s", out var structure))
            outputs.Add(new TracedBytes(StructureOf(call), Convert.FromHexString(structure.GetString()!)));
        if (!written.TryGetProperty("mc", out var results))
            return;
        var at = call.First + sizeof(ulong);
        foreach (var result in results.EnumerateArray())
        {
            outputs.Add(new TracedBytes(at, BitConverter.GetBytes(result.GetInt64())));
            at += MulticallEntry.WireSize;
        }
    }

    // Where the address of a sub-operation's structure is passed.
    private static ulong StructureOf(HypercallRegisters call) => (HypercallNumber)call.Number == HypercallNumber.VcpuOp ? call.Third : call.Second;

    private static IEnumerable<byte> Trap(JsonElement trap)
    {
        var fields = trap.EnumerateArray().Select(field => field.GetUInt64()).ToArray();
        return [(byte)fields[0], (byte)fields[1], .. BitConverter.GetBytes((ushort)fields[2]), .. new byte[4], .. BitConverter.GetBytes(fields[3])];
    }

    private static byte[] Words(JsonElement values) => [.. values.EnumerateArray().SelectMany(value => BitConverter.GetBytes(value.GetUInt64()))];
}
