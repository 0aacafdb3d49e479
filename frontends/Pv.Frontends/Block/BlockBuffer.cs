using Pv.Abi;
using Pv.Machine;

namespace Pv.Frontends;

/// <summary>
/// Memory for the requests of one disk: whole frames that are granted to its back end from their allocation to their disposal. So a
/// request grants nothing and copies nothing, with persistent grants or without.
/// </summary>
/// <remarks>In turns only. While a request uses a part of it, that part is the back end's.</remarks>
public sealed class BlockBuffer : IDisposable
{
    private readonly BlockBuffers _owner;
    private readonly Pfn[] _frames;
    private readonly SharedPage[] _pages;
    private readonly GrantRef[] _grants;

    internal BlockBuffer(BlockBuffers owner, Pfn[] frames, SharedPage[] pages, GrantRef[] grants)
    {
        _owner = owner;
        _frames = frames;
        _pages = pages;
        _grants = grants;
    }

    /// <summary>In bytes: whole pages.</summary>
    public int Length => _pages.Length * PageSize.Bytes;

    /// <summary>The frames, in order.</summary>
    public ReadOnlySpan<SharedPage> Pages => _pages;

    internal ReadOnlySpan<Pfn> Frames => _frames;

    internal Span<GrantRef> Grants => _grants;

    internal bool IsDisposed { get; private set; }

    /// <summary>How many requests use it now.</summary>
    internal int Users { get; set; }

    /// <summary>Copies out of it.</summary>
    public void CopyTo(int offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        while (!destination.IsEmpty)
        {
            var part = destination[..Math.Min(destination.Length, PageSize.Bytes - (offset % PageSize.Bytes))];
            _pages[offset / PageSize.Bytes].CopyTo(offset % PageSize.Bytes, part);
            destination = destination[part.Length..];
            offset += part.Length;
        }
    }

    /// <summary>Copies into it.</summary>
    public void CopyFrom(int offset, ReadOnlySpan<byte> source)
    {
        Check(offset, source.Length);
        while (!source.IsEmpty)
        {
            var part = source[..Math.Min(source.Length, PageSize.Bytes - (offset % PageSize.Bytes))];
            _pages[offset / PageSize.Bytes].CopyFrom(offset % PageSize.Bytes, part);
            source = source[part.Length..];
            offset += part.Length;
        }
    }

    /// <summary>Gives the frames back, once the back end has let go of them.</summary>
    /// <exception cref="InvalidOperationException">A request uses it still.</exception>
    public void Dispose()
    {
        if (IsDisposed)
            return;
        if (Users > 0)
            throw new InvalidOperationException($"{Users} requests use the buffer still.");
        IsDisposed = true;
        _owner.Release(this);
    }

    /// <summary>Whether a part is inside.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    internal void Check(int offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)(Length - Math.Min(length, Length)), nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
    }
}
