using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Toolstack.Lab.Guests;

/// <summary>A guest's memory as the lab fills it: addresses are the guest's, in a row. What was taken is not given back.</summary>
public sealed class LabArea
{
    private readonly ulong _start;
    private readonly SharedPage[] _pages;
    private ulong _next, _codeAt;

    /// <param name="start">The first address.</param>
    /// <param name="pages">The pages from there on.</param>
    public LabArea(ulong start, SharedPage[] pages)
    {
        (_start, _pages) = (start, pages);
        _next = start;
        _codeAt = start + ((ulong)pages.Length << PageSize.Shift);
    }

    /// <summary>Takes so many bytes, zero at first, at a multiple of 64 or of <paramref name="alignment"/>.</summary>
    /// <exception cref="ToolstackLabException">There are no more.</exception>
    public ulong Take(int bytes, int alignment = 64)
    {
        var at = (_next + (ulong)alignment - 1) & ~((ulong)alignment - 1);
        _next = at + (ulong)bytes;
        ThrowIfFull();
        return at;
    }

    /// <summary>Takes room for code, from the end: an engine watches pages that it runs, so that nothing that the guest writes may stand in one.</summary>
    /// <exception cref="ToolstackLabException">There is no more.</exception>
    public ulong TakeCode(ReadOnlySpan<byte> code)
    {
        _codeAt = (_codeAt - (ulong)code.Length) & ~63ul;
        ThrowIfFull();
        Write(_codeAt, code);
        return _codeAt;
    }

    /// <summary>Takes room for bytes and fills it.</summary>
    public ulong Take(ReadOnlySpan<byte> content, int alignment = 64)
    {
        var at = Take(Math.Max(content.Length, 1), alignment);
        Write(at, content);
        return at;
    }

    public ulong ReadWord(ulong address) => PageOf(address).ReadUInt64Acquire(Offset(address));

    public void WriteWord(ulong address, ulong value) => PageOf(address).WriteUInt64Release(Offset(address), value);

    public void Write(ulong address, ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            var part = content[..Math.Min(content.Length, PageSize.Bytes - Offset(address))];
            PageOf(address).CopyFrom(Offset(address), part);
            content = content[part.Length..];
            address += (ulong)part.Length;
        }
    }

    public void Read(ulong address, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var part = into[..Math.Min(into.Length, PageSize.Bytes - Offset(address))];
            PageOf(address).CopyTo(Offset(address), part);
            into = into[part.Length..];
            address += (ulong)part.Length;
        }
    }

    public T Read<T>(ulong address) where T : unmanaged
    {
        var value = default(T);
        Read(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    private void ThrowIfFull()
    {
        if (_next > (_codeAt & ~PageSize.OffsetMask))
            throw new ToolstackLabException("The guest's memory is too small for the experiment.");
    }

    private SharedPage PageOf(ulong address) => _pages[(int)((address - _start) >> PageSize.Shift)];

    private static int Offset(ulong address) => (int)(address & PageSize.OffsetMask);
}
