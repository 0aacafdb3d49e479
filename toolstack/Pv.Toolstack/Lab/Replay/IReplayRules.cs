using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>Which neighbouring calls may enter together. Asked call by call, for one processor.</summary>
internal interface IReplayRules
{
    string Name { get; }

    /// <summary>Whether neighbouring lists of one kind become one.</summary>
    bool JoinsLists => true;

    /// <summary>Takes the next call. True: it enters with those before it; false: it begins anew.</summary>
    bool TryJoin(SingleCall call);
}

/// <summary>As the guest did it: together enters what one multicall held.</summary>
internal sealed class TracedRules : IReplayRules
{
    public string Name => "traced";

    public bool JoinsLists => false;

    public bool TryJoin(SingleCall call) => !call.Begins;
}

/// <summary>
/// What Linux does in its lazy mode, had it been in it all the time: the calls that it can put off gather in a buffer of 32 entries and 512 bytes of
/// arguments; neighbouring lists of one kind become one; every other call, and a full buffer, has the batch done first.
/// </summary>
internal sealed class LinuxRules : IReplayRules
{
    private const int MostEntries = 32, MostBytes = 512;

    private HypercallNumber? _last;
    private int _entries, _bytes;

    public string Name => "linux";

    public bool TryJoin(SingleCall single)
    {
        var call = single.Registers;
        if (BytesOf(call) is not { } bytes || bytes > MostBytes)
        {
            _entries = 0;
            _last = null;
            return false;
        }
        var number = (HypercallNumber)call.Number;
        var extends = number == _last && number is (HypercallNumber.MmuUpdate or HypercallNumber.MmuExtOp);
        var joins = _entries > 0 && _bytes + bytes <= MostBytes && (extends || _entries < MostEntries);
        (_entries, _bytes) = joins ? (_entries + (extends ? 0 : 1), _bytes + bytes) : (1, bytes);
        _last = number;
        return joins;
    }

    /// <summary>Bytes of arguments that a call takes in the buffer; null for one that is never put off.</summary>
    private static int? BytesOf(HypercallRegisters call) => (HypercallNumber)call.Number switch
    {
        HypercallNumber.MmuUpdate => Bytes(call, MmuUpdate.WireSize),
        HypercallNumber.MmuExtOp => Bytes(call, MmuExt.WireSize),
        HypercallNumber.UpdateVaMapping or HypercallNumber.StackSwitch or HypercallNumber.UpdateDescriptor or HypercallNumber.FpuTaskswitch => 0,
        HypercallNumber.SetGdt => sizeof(ulong),
        _ => null,
    };

    // The highest bit of the count says that the call was stopped in between.
    private static int Bytes(HypercallRegisters call, int element) => (int)Math.Min((call.Second & int.MaxValue) * (ulong)element, int.MaxValue);
}

/// <summary>The most that batches could save: a call enters with its neighbour unless that one's answer is wanted, however many they are.</summary>
internal sealed class PerfectRules : IReplayRules
{
    private CallNeed _last = CallNeed.Alone;

    public string Name => "perfect";

    public bool TryJoin(SingleCall call)
    {
        var need = CallNeeds.Of(call.Registers);
        var joins = _last == CallNeed.None && need != CallNeed.Alone;
        _last = need;
        return joins;
    }
}
