using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// Makes the programs that do one call's items in one way. Whatever the size of the batch, a program does the same items, at least
/// <see cref="LeastItems"/> of them, so that sizes differ in nothing else; and it fills in all arguments and entries each time, as a kernel must.
/// </summary>
internal sealed class BatchPrograms
{
    /// <summary>Small batches come as several in a program.</summary>
    public const int LeastItems = 32;

    private readonly ILabGuest _guest;
    private readonly LabCall _call;
    private readonly IReadOnlyList<CallPhase> _phases;
    private readonly (ulong Arguments, ulong Entries)[] _ready;
    private readonly ulong _entriesAt;
    private readonly LabQueue? _queue;

    /// <param name="guest">Where they run.</param>
    /// <param name="call">What they do.</param>
    /// <param name="entriesAt">Room for <see cref="LabSizes.Items"/> entries of a multicall, which all calls share.</param>
    /// <param name="queue">For asynchronous calls; null where there are none.</param>
    public BatchPrograms(ILabGuest guest, LabCall call, ulong entriesAt, LabQueue? queue)
    {
        (_guest, _call, _entriesAt, _queue) = (guest, call, entriesAt, queue);
        _phases = call.Prepare(guest);
        _ready = [.. _phases.Select(phase => (phase.Arguments.Length == 0 ? 0 : guest.Area.Take(phase.Arguments), guest.Area.Take(Entries(phase))))];
    }

    /// <summary>How many operations one round of a program is.</summary>
    public int OperationsARound(int batch) => Items(batch) * _call.OperationsAnItem;

    /// <summary>The program for batches of a size, in the guest, having been done once with success.</summary>
    /// <exception cref="ToolstackLabException">The hypervisor refused something.</exception>
    public LoadedProgram Load(BatchWay way, int batch)
    {
        var program = new LabProgram();
        var expected = new List<(int Step, long Result)>();
        _call.Begin(program, Items(batch));
        for (var first = 0; first < Items(batch); first += way == BatchWay.Single ? 1 : batch)
        {
            for (var i = 0; i < _phases.Count; i++)
                Add(program, way, i, first, way == BatchWay.Single ? 1 : batch, expected);
        }
        var loaded = _guest.Load(program);
        _guest.Run(loaded, 1);
        Check(loaded, way, batch, expected);
        return loaded;
    }

    private static int Items(int batch) => Math.Max(batch, LeastItems);

    private void Add(LabProgram program, BatchWay way, int index, int first, int count, List<(int, long)> expected)
    {
        var (phase, (arguments, entries)) = (_phases[index], _ready[index]);
        if (way == BatchWay.List && phase.FillList is { } fill)
            fill(program, first, count);
        else
            program.Fill(arguments + (ulong)(first * phase.ArgumentBytes), phase.ArgumentsAt + (ulong)(first * phase.ArgumentBytes), count * phase.ArgumentBytes);
        phase.BeforeCall?.Invoke(program, first, count);
        var entriesAt = _entriesAt + (ulong)(first * MulticallEntry.WireSize);
        switch (way)
        {
            case BatchWay.Single:
                expected.Add(phase.IsOmitted
                    ? (program.Omit(phase.Number, phase.Registers(first)), (long)phase.Number) : (program.Call(phase.Number, phase.Registers(first)), phase.Expected(1)));
                break;
            case BatchWay.Multicall:
                program.Fill(entries + (ulong)(first * MulticallEntry.WireSize), entriesAt, count * MulticallEntry.WireSize);
                expected.Add(phase.IsOmitted
                    ? (program.Omit(HypercallNumber.Multicall, entriesAt, (ulong)count), (long)HypercallNumber.Multicall) : (program.Call(HypercallNumber.Multicall, entriesAt, (ulong)count), 0));
                break;
            case BatchWay.Asynchronous:
                // All answer the same, and so do the bits of all.
                program.Submit(entries + (ulong)(first * MulticallEntry.WireSize), _queue!, count);
                expected.Add((program.Await(_queue!, count), phase.Expected(1)));
                break;
            case BatchWay.List:
                expected.Add((program.Call(phase.Number, phase.ListRegisters!(first, count)), phase.Expected(count)));
                break;
        }
        phase.AfterCall?.Invoke(program, first, count);
    }

    private void Check(LoadedProgram loaded, BatchWay way, int batch, List<(int Step, long Result)> expected)
    {
        foreach (var (step, result) in expected)
        {
            var got = loaded.ResultOf(step, _guest.Area);
            if (got != result)
                throw Refused($"answered {got} instead of {result}");
        }
        for (var item = 0; item < Items(batch); item++)
        {
            foreach (var phase in _phases)
            {
                if (phase.Succeeded is { } succeeded && !succeeded(_guest.Area, phase.ArgumentsAt + (ulong)(item * phase.ArgumentBytes)))
                    throw Refused($"refused item {item}");
            }
            if (way == BatchWay.Multicall
                && (long)_guest.Area.ReadWord(_entriesAt + (ulong)((item * MulticallEntry.WireSize) + sizeof(ulong))) is var got && got != _phases[^1].Expected(1))
                throw Refused($"answered {got} to entry {item}");
        }

        ToolstackLabException Refused(string how) => new($"{_call.Name} on {_guest.Engine.Name}, {way}, batch {batch}: the hypervisor {how}.");
    }

    /// <summary>The entries of a multicall for all items of a phase.</summary>
    private static byte[] Entries(CallPhase phase)
    {
        var entries = new MulticallEntry[LabSizes.Items];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i].Operation = (ulong)phase.Number;
            var registers = phase.Registers(i);
            for (var argument = 0; argument < registers.Length; argument++)
                entries[i].Arguments[argument] = registers[argument];
        }
        return MemoryMarshal.AsBytes(entries.AsSpan()).ToArray();
    }
}
