using Pv.Abi;

namespace Pv.Guest;

/// <summary>A batch that enters the hypervisor once for all of its calls (<c>multicall</c>).</summary>
public sealed class MulticallBatch : HypercallBatch
{
    private readonly Hypercalls _hypercalls;
    private bool _done;

    internal MulticallBatch(Hypercalls hypercalls, IArgumentPages pages) : base(pages)
    {
        _hypercalls = hypercalls;
    }

    public override bool IsDone => _done;

    private protected override bool IsUnderWay => false;

    public override Errno Submit()
    {
        _done = true;
        return Count == 0 ? Errno.None : Hypercalls.ErrnoOf(_hypercalls.Call(HypercallNumber.Multicall, Address, (ulong)Count));
    }

    /// <summary>Makes the only call by itself, which a multicall of one is not worth.</summary>
    internal Errno SubmitDirectly()
    {
        _done = true;
        var entry = ReadEntry(0);
        WriteResult(0, _hypercalls.Call((HypercallNumber)entry.Operation, entry.Arguments[0], entry.Arguments[1], entry.Arguments[2], entry.Arguments[3]));
        return Errno.None;
    }

    internal HypercallNumber NumberOf(int index) => (HypercallNumber)ReadEntry(index).Operation;

    public override ValueTask<bool> WhenDoneAsync() => new(_done);

    private protected override long ReadResult(int index) => ReadEntry(index).Result;

    private protected override void Forget() => _done = false;
}
