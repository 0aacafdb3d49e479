using System.Numerics;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>What became of the page-table entries that a guest wrote: for each level and combination of bits the bits that were stored.</summary>
internal sealed class StoredEntries
{
    private const int Top = 4;
    private const ulong Present = 1 << 0, Writable = 1 << 1;

    private static readonly string[] BitNames = ["P", "RW", "US", "PWT", "PCD", "A", "D", "PS", "G", "9", "10", "11"];

    // Tables by what the calls tell of them. Those of the kernel's image and of the domain builder are known once something is linked into them.
    private readonly Dictionary<Mfn, int> _levels = [];
    private readonly Dictionary<string, int> _rules = [];

    private StoredEntries()
    {
    }

    /// <summary>The rules, <c>L1 P|US -> P|US|G</c>, and how often each was seen.</summary>
    public static IReadOnlyDictionary<string, int> Of(IEnumerable<ObservedCall> calls)
    {
        var entries = new StoredEntries();
        foreach (var (call, stored) in calls)
        {
            var arguments = call.Arguments;
            entries.Note((HypercallNumber)arguments.Number, arguments, new GuestBytes(call), call.Result == 0 ? stored : []);
        }
        return entries._rules;
    }

    private void Note(HypercallNumber number, HypercallRegisters call, GuestBytes bytes, IReadOnlyList<ulong> stored)
    {
        switch (number)
        {
            case HypercallNumber.MmuUpdate:
                NoteUpdates([.. bytes.Before<MmuUpdate>(call.First, call.Second)], stored);
                break;
            case HypercallNumber.MmuExtOp:
                foreach (var operation in bytes.Before<MmuExt>(call.First, call.Second))
                    NoteTable(operation);
                break;
            case HypercallNumber.UpdateVaMapping:
                // What can be written to is no table, or no longer.
                if ((call.Second & Writable) != 0)
                    _levels.Remove(CanonicalTrace.FrameOf(call.Second));
                if (stored.Count == 1 && (call.Second & Present) != 0)
                    NoteRule(1, call.Second, stored[0]);
                break;
            case HypercallNumber.Multicall:
                foreach (var entry in bytes.Before<MulticallEntry>(call.First, call.Second))
                {
                    ReadOnlySpan<ulong> arguments = entry.Arguments;
                    Note((HypercallNumber)entry.Operation, new HypercallRegisters(entry.Operation, arguments[0], arguments[1]), bytes, []);
                }
                break;
            default:
                break;
        }
    }

    private void NoteTable(MmuExt operation)
    {
        if (operation.Operation <= MmuExtOperation.PinL4Table)
            _levels[operation.Mfn] = (int)operation.Operation + 1;
        else if (operation.Operation is MmuExtOperation.NewBasePointer)
            _levels[operation.Mfn] = Top;
        else if (operation.Operation is MmuExtOperation.UnpinTable)
            _levels.Remove(operation.Mfn);
    }

    private void NoteUpdates(MmuUpdate[] updates, IReadOnlyList<ulong> stored)
    {
        for (var i = 0; i < updates.Length; i++)
        {
            var update = updates[i];
            if (update.Kind == MmuUpdateKind.MachinePhysical || (update.Value & Present) == 0)
                continue;
            var table = Mfn.OfAddress(update.Address);
            var target = CanonicalTrace.FrameOf(update.Value);
            if (!_levels.TryGetValue(table, out var level) && LinksTable(update.Value) && _levels.TryGetValue(target, out var below) && below < Top)
                _levels[table] = level = below + 1;
            if (level > 1)
                _levels[target] = level - 1;
            // Of two updates of one entry only the last can be seen.
            if (i < stored.Count && !updates.Skip(i + 1).Any(later => later.Address == update.Address))
                NoteRule(level, update.Value, stored[i]);
        }
    }

    // A table cannot be mapped writable, so what allows to write to it links it into another one.
    private static bool LinksTable(ulong entry) => (entry & Writable) != 0;

    private void NoteRule(int level, ulong written, ulong stored)
    {
        var rule = CanonicalTrace.FrameOf(written) == CanonicalTrace.FrameOf(stored)
            ? $"{(level == 0 ? "L?" : $"L{level}")} {Bits(written)} -> {Bits(stored)}"
            : $"L{level} {Bits(written)} -> another frame";
        _rules[rule] = _rules.GetValueOrDefault(rule) + 1;
    }

    private static string Bits(ulong entry)
    {
        var bits = new List<string>();
        for (var rest = entry & ~0x000f_ffff_ffff_f000ul; rest != 0; rest &= rest - 1)
        {
            var bit = BitOperations.TrailingZeroCount(rest);
            bits.Add(bit < BitNames.Length ? BitNames[bit] : bit == 63 ? "NX" : $"{bit}");
        }
        return string.Join('|', bits);
    }
}
