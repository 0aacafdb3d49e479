using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>
/// The hypercalls as methods, for C# guests and Dom0 alike: an argument is pushed where the hypervisor can reach it, the call made,
/// and what the hypervisor wrote copied back. Nothing is allocated.
/// </summary>
/// <remarks>
/// A C# guest calls from its own turns only; from elsewhere the call throws <see cref="TurnException"/> and the domain crashes.
/// Dom0 calls from any thread. Methods return an <see cref="Errno"/>, or what the hypercall returned where that is a number
/// (negative for an error).
/// </remarks>
public sealed partial class Hypercalls
{
    private readonly IHypercallDoor _door;
    private readonly IArgumentPages _pages;

    public Hypercalls(IHypercallDoor door, IArgumentPages pages)
    {
        _door = door;
        _pages = pages;
    }

    /// <summary>The calls of Dom0, which passes host addresses.</summary>
    public static Hypercalls ForDom0(IHypercallDoor door) => new(door, new HostArgumentPages());

    /// <summary>Any call, with its registers as they are.</summary>
    public long Call(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0, ulong fifth = 0)
        => _door.Call(new HypercallRegisters((ulong)number, first, second, third, fourth, fifth));

    /// <summary>A call of the common form: a sub-operation and the address of one argument, which comes back.</summary>
    public long Call<T>(HypercallNumber number, ulong operation, ref T argument) where T : unmanaged
    {
        using var scope = _pages.Stack.Enter();
        var pushed = scope.Push(ref argument);
        var result = Call(number, operation, pushed.Address);
        scope.Read(pushed, ref argument);
        return result;
    }

    /// <summary>A call with a sub-operation, the address of a row of arguments, and their count. The row comes back.</summary>
    /// <remarks>The row must fit a page.</remarks>
    public long CallRow<T>(HypercallNumber number, ulong operation, Span<T> arguments) where T : unmanaged
    {
        using var scope = _pages.Stack.Enter();
        var pushed = scope.Push<T>(arguments);
        var result = Call(number, operation, pushed.Address, (ulong)arguments.Length);
        scope.Read(pushed, arguments);
        return result;
    }

    /// <summary>An empty batch of calls, with a page of its own.</summary>
    public MulticallBatch Batch() => new(this, _pages);

    /// <summary>Calls that can be gathered, with a batch of their own.</summary>
    public LazyCalls Lazy() => new(this);

    internal static Errno ErrnoOf(long result) => result < 0 ? (Errno)(-result) : Errno.None;
}
