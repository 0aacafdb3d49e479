using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// Up to 32 hypercalls that are made together, whichever way: <see cref="MulticallBatch"/> enters the hypervisor once for all of them,
/// <see cref="AsyncBatch"/> leaves them in a ring. Entries stand in the first half of a page, the arguments they name in the second.
/// Each has a result of its own.
/// </summary>
/// <remarks>
/// One thread at a time; reusable: <see cref="Clear"/> begins anew. Nothing is allocated after the constructor.
/// <code>
/// +0     MulticallEntry[32]
/// +2048  arguments, 8-byte aligned
/// </code>
/// </remarks>
public abstract class HypercallBatch : IDisposable
{
    /// <summary>How many calls fit.</summary>
    public const int Capacity = 32;

    private const int ArgumentsStart = Capacity * MulticallEntry.WireSize;
    private const int ArgumentsOffset = 2 * sizeof(ulong);

    private readonly IArgumentPages _pages;
    private readonly IArgumentPage _page;
    private readonly int[] _argumentOffsets = new int[Capacity];
    private int _top = ArgumentsStart;
    private ListCall _list;
    private int _listLength;

    private protected HypercallBatch(IArgumentPages pages)
    {
        _pages = pages;
        _page = pages.Allocate();
    }

    /// <summary>How many calls were added.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the calls were made, so that their results are there.</summary>
    public abstract bool IsDone { get; }

    /// <summary>Where the entries stand, as the hypervisor takes addresses.</summary>
    private protected ulong Address => _page.Address;

    /// <summary>Whether one more call with an argument of this size (in bytes) fits.</summary>
    public bool HasRoom(int argumentSize = 0) => Count < Capacity && argumentSize <= PageSize.Bytes - ((_top + 7) & ~7);

    /// <summary>Whether one more element of such a list fits, in the last call or in one of its own.</summary>
    public bool HasRoomFor<T>(ListCall call) where T : unmanaged => Extends(call, WireSize<T>.Bytes) || HasRoom(WireSize<T>.Bytes);

    /// <summary>Adds a call whose arguments are registers only. Returns its index.</summary>
    /// <exception cref="InvalidOperationException">The batch is full, or is being made.</exception>
    public int Add(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
    {
        DemandIdle();
        if (!HasRoom())
            throw new InvalidOperationException($"A batch holds {Capacity} calls.");
        _listLength = 0;
        var entry = new MulticallEntry { Operation = (ulong)number };
        entry.Arguments[0] = first;
        entry.Arguments[1] = second;
        entry.Arguments[2] = third;
        entry.Arguments[3] = fourth;
        _page.Write(Count * MulticallEntry.WireSize, MemoryMarshal.AsBytes(new ReadOnlySpan<MulticallEntry>(in entry)));
        return Count++;
    }

    /// <summary>Adds a call of the common form: a sub-operation, the address of one argument, and a count if the call takes one.</summary>
    /// <exception cref="InvalidOperationException">The batch is full, or is being made.</exception>
    public int AddWithArgument<T>(HypercallNumber number, ulong operation, in T argument, ulong third = 0) where T : unmanaged
    {
        DemandIdle();
        return Add(number, operation, PushFirst(argument), third);
    }

    /// <summary>
    /// Adds an element of a call with a list: to the last call, when that is the same but for its list and there is room, else in a call of its own.
    /// </summary>
    /// <exception cref="InvalidOperationException">The batch is full, or is being made.</exception>
    public ListElement AddElement<T>(ListCall call, in T element) where T : unmanaged
    {
        DemandIdle();
        if (!Extends(call, WireSize<T>.Bytes))
        {
            var list = PushFirst(element);
            var index = call.HasOperation ? Add(call.Number, call.Other, list, 1) : Add(call.Number, list, 1, 0, call.Other);
            (_list, _listLength) = (call, 1);
            return new ListElement(index, 0);
        }
        _page.Write(_top, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in element)));
        _top += WireSize<T>.Bytes;
        var length = (ulong)++_listLength;
        _page.Write((Count - 1) * MulticallEntry.WireSize + ArgumentsOffset + call.CountArgument * sizeof(ulong), MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in length)));
        return new ListElement(Count - 1, _listLength - 1);
    }

    /// <summary>
    /// Has the calls made, in order. The error is the batch's own, and none was made then; that of a call is its <see cref="Result"/>.
    /// </summary>
    public abstract Errno Submit();

    /// <summary>Waits until the calls were made: true. False: they never will be.</summary>
    public abstract ValueTask<bool> WhenDoneAsync();

    /// <summary>What a call returned: what rax would hold.</summary>
    /// <exception cref="InvalidOperationException">It was not made yet.</exception>
    public long Result(int index)
    {
        DemandResult(index);
        return ReadResult(index);
    }

    /// <summary>The argument of a call that was added with one, as the hypervisor left it.</summary>
    /// <exception cref="InvalidOperationException">The call was not made yet.</exception>
    public T Argument<T>(int index) where T : unmanaged
    {
        return Element<T>(new ListElement(index, 0));
    }

    /// <summary>An element of a list, as the hypervisor left it.</summary>
    /// <exception cref="InvalidOperationException">The call was not made yet.</exception>
    public T Element<T>(ListElement element) where T : unmanaged
    {
        DemandResult(element.Call);
        var argument = default(T);
        _page.Read(_argumentOffsets[element.Call] + element.Index * WireSize<T>.Bytes, MemoryMarshal.AsBytes(new Span<T>(ref argument)));
        return argument;
    }

    /// <summary>Forgets the calls.</summary>
    /// <exception cref="InvalidOperationException">They are being made.</exception>
    public void Clear()
    {
        DemandIdle();
        Forget();
        Count = _listLength = 0;
        _top = ArgumentsStart;
    }

    /// <summary>Gives the page back. The calls were made, or never will be.</summary>
    public virtual void Dispose() => _pages.Free(_page);

    private protected abstract bool IsUnderWay { get; }

    private protected abstract long ReadResult(int index);

    private protected abstract void Forget();

    private protected MulticallEntry ReadEntry(int index)
    {
        var entry = default(MulticallEntry);
        _page.Read(index * MulticallEntry.WireSize, MemoryMarshal.AsBytes(new Span<MulticallEntry>(ref entry)));
        return entry;
    }

    private protected void WriteResult(int index, long result)
        => _page.Write(index * MulticallEntry.WireSize + sizeof(ulong), MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in result)));

    /// <summary>Whether the last call takes one more element. Elements stand without gaps, and nothing stands behind the last list.</summary>
    private bool Extends(ListCall call, int size) => _listLength > 0 && _list == call && size <= PageSize.Bytes - _top;

    /// <summary>Pushes the first of what the next call's address names, and returns the address.</summary>
    private ulong PushFirst<T>(in T argument) where T : unmanaged
    {
        var offset = (_top + 7) & ~7;
        var size = WireSize<T>.Bytes;
        if (Count == Capacity || size > PageSize.Bytes - offset)
            throw new InvalidOperationException("The batch has no room for the argument.");
        _page.Write(offset, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in argument)));
        _top = offset + size;
        _argumentOffsets[Count] = offset;
        return _page.Address + (ulong)offset;
    }

    private void DemandIdle()
    {
        if (IsUnderWay)
            throw new InvalidOperationException("The calls of the batch are being made.");
    }

    private void DemandResult(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        if (!IsDone)
            throw new InvalidOperationException("The calls of the batch were not made yet.");
    }
}
