using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// Up to 32 hypercalls that enter the hypervisor together (<c>multicall</c>). Entries stand in the first half of a page, the arguments
/// they name in the second. Each has a result of its own.
/// </summary>
/// <remarks>
/// One thread at a time; reusable: <see cref="Clear"/> begins anew. Nothing is allocated after the constructor.
/// <code>
/// +0     MulticallEntry[32]
/// +2048  arguments, 8-byte aligned
/// </code>
/// </remarks>
public sealed class MulticallBatch : IDisposable
{
    /// <summary>How many calls fit.</summary>
    public const int Capacity = 32;

    private const int ArgumentsStart = Capacity * MulticallEntry.WireSize;
    private const int ResultOffset = sizeof(ulong);

    private readonly Hypercalls _hypercalls;
    private readonly IArgumentPages _pages;
    private readonly IArgumentPage _page;
    private readonly int[] _argumentOffsets = new int[Capacity];
    private int _top = ArgumentsStart;

    internal MulticallBatch(Hypercalls hypercalls, IArgumentPages pages)
    {
        _hypercalls = hypercalls;
        _pages = pages;
        _page = pages.Allocate();
    }

    /// <summary>How many calls were added.</summary>
    public int Count { get; private set; }

    /// <summary>Whether one more call with an argument of this size (in bytes) fits.</summary>
    public bool HasRoom(int argumentSize = 0) => Count < Capacity && argumentSize <= PageSize.Bytes - _top;

    /// <summary>Adds a call whose arguments are registers only. Returns its index.</summary>
    /// <exception cref="InvalidOperationException">The batch is full.</exception>
    public int Add(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
    {
        if (!HasRoom())
            throw new InvalidOperationException($"A batch holds {Capacity} calls.");
        var entry = new MulticallEntry { Operation = (ulong)number };
        entry.Arguments[0] = first;
        entry.Arguments[1] = second;
        entry.Arguments[2] = third;
        entry.Arguments[3] = fourth;
        _page.Write(Count * MulticallEntry.WireSize, MemoryMarshal.AsBytes(new ReadOnlySpan<MulticallEntry>(in entry)));
        return Count++;
    }

    /// <summary>Adds a call of the common form: a sub-operation, the address of one argument, and a count if the call takes one.</summary>
    /// <exception cref="InvalidOperationException">The batch is full.</exception>
    public int AddWithArgument<T>(HypercallNumber number, ulong operation, in T argument, ulong third = 0) where T : unmanaged
    {
        var size = WireSize<T>.Bytes;
        if (!HasRoom(size))
            throw new InvalidOperationException("The batch has no room for the argument.");
        var offset = _top;
        _page.Write(offset, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in argument)));
        _top = (offset + size + 7) & ~7;
        _argumentOffsets[Count] = offset;
        return Add(number, operation, _page.Address + (ulong)offset, third);
    }

    /// <summary>Makes the calls, in order. The error is the batch's own; that of a call is its <see cref="Result"/>.</summary>
    public Errno Submit()
        => Count == 0 ? Errno.None : Hypercalls.ErrnoOf(_hypercalls.Call(HypercallNumber.Multicall, _page.Address, (ulong)Count));

    /// <summary>What a call returned: what rax would hold.</summary>
    public long Result(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        var result = 0L;
        _page.Read(index * MulticallEntry.WireSize + ResultOffset, MemoryMarshal.AsBytes(new Span<long>(ref result)));
        return result;
    }

    /// <summary>The argument of a call that was added with one, as the hypervisor left it.</summary>
    public T Argument<T>(int index) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        var argument = default(T);
        _page.Read(_argumentOffsets[index], MemoryMarshal.AsBytes(new Span<T>(ref argument)));
        return argument;
    }

    /// <summary>Forgets the calls.</summary>
    public void Clear()
    {
        Count = 0;
        _top = ArgumentsStart;
    }

    public void Dispose() => _pages.Free(_page);
}
