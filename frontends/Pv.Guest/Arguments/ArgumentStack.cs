using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// The arguments of the hypercalls that are being made, one above the other in one page. Nothing is allocated: a call pushes what it
/// passes and <see cref="ArgumentScope.Dispose"/> takes it down again.
/// </summary>
/// <remarks>One thread at a time.</remarks>
public sealed class ArgumentStack(IArgumentPage page)
{
    private const int Alignment = 8;

    private readonly IArgumentPage _page = page;
    private int _top;

    /// <summary>How many bytes the arguments of one call may take at most.</summary>
    public const int Capacity = PageSize.Bytes;

    /// <summary>Begins the arguments of a call.</summary>
    public ArgumentScope Enter() => new(this, _top);

    internal Argument Push(ReadOnlySpan<byte> bytes)
    {
        var argument = Reserve(bytes.Length);
        _page.Write(argument.Offset, bytes);
        return argument;
    }

    internal void Read(Argument argument, Span<byte> into) => _page.Read(argument.Offset, into);

    internal void Release(int mark) => _top = mark;

    private Argument Reserve(int length)
    {
        var offset = _top;
        if (length > Capacity - offset)
            throw new InvalidOperationException($"The arguments of a hypercall take more than {Capacity} bytes.");
        _top = (offset + length + Alignment - 1) & ~(Alignment - 1);
        return new Argument(offset, _page.Address + (ulong)offset);
    }
}

/// <summary>An argument that stands in the page.</summary>
/// <param name="Offset">Within the page, in bytes.</param>
/// <param name="Address">What the hypervisor is told.</param>
public readonly record struct Argument(int Offset, ulong Address);

/// <summary>The arguments of one call, from the push to the end of the scope.</summary>
public readonly ref struct ArgumentScope
{
    private readonly ArgumentStack _stack;
    private readonly int _mark;

    internal ArgumentScope(ArgumentStack stack, int mark)
    {
        _stack = stack;
        _mark = mark;
    }

    /// <summary>Pushes one value.</summary>
    public Argument Push<T>(ref readonly T value) where T : unmanaged
        => _stack.Push(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Pushes a row of values.</summary>
    public Argument Push<T>(ReadOnlySpan<T> values) where T : unmanaged => _stack.Push(MemoryMarshal.AsBytes(values));

    /// <summary>Copies a value back that the hypervisor may have changed.</summary>
    public void Read<T>(Argument argument, ref T value) where T : unmanaged
        => _stack.Read(argument, MemoryMarshal.AsBytes(new Span<T>(ref value)));

    /// <summary>As the other, for a row of values.</summary>
    public void Read<T>(Argument argument, Span<T> values) where T : unmanaged => _stack.Read(argument, MemoryMarshal.AsBytes(values));

    public void Dispose() => _stack.Release(_mark);
}
