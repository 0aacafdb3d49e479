using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>
/// The buffers of a disk, and their grants to whichever domain serves it. A back end with persistent grants keeps mapped what it was once
/// told of, so such frames of buffers that are disposed of stay granted, for the next buffer of the disk.
/// </summary>
/// <remarks>In turns only.</remarks>
internal sealed class BlockBuffers(GuestContext guest, GrantedFrames lingering)
{
    private readonly HashSet<BlockBuffer> _buffers = [];
    private readonly Stack<(Pfn Frame, GrantRef Grant)> _spare = new();
    private DomId? _backend;
    private bool _isPersistent;

    public BlockBuffer Allocate(int bytes)
    {
        var frames = new Pfn[PageSize.PagesFor((ulong)bytes)];
        var grants = new GrantRef[frames.Length];
        var made = 0;
        try
        {
            for (; made < frames.Length; made++)
                (frames[made], grants[made]) = Take();
        }
        catch
        {
            // There are too few frames or grants: those that there were are the guest's again.
            while (made-- > 0)
                GiveBack(frames[made], grants[made]);
            throw;
        }
        var buffer = new BlockBuffer(this, frames, Array.ConvertAll(frames, guest.Memory.Page), grants);
        _buffers.Add(buffer);
        return buffer;
    }

    /// <summary>The disk is served by that domain from now on.</summary>
    public void ServedBy(DomId domain)
    {
        if (_backend == domain)
            return;
        FreeSpare();
        foreach (var buffer in _buffers)
        {
            for (var i = 0; i < buffer.Frames.Length; i++)
            {
                if (_backend is not null)
                    lingering.End(buffer.Grants[i], null);
                buffer.Grants[i] = guest.Grants.Grant(domain, buffer.Frames[i]);
            }
        }
        _backend = domain;
    }

    /// <summary>Whether the back end keeps mapped what it was told of, from now on.</summary>
    public void Keep(bool isPersistent)
    {
        _isPersistent = isPersistent;
        if (!isPersistent)
            FreeSpare();
    }

    public void Release(BlockBuffer buffer)
    {
        _buffers.Remove(buffer);
        for (var i = 0; i < buffer.Frames.Length; i++)
            GiveBack(buffer.Frames[i], buffer.Grants[i]);
    }

    private (Pfn Frame, GrantRef Grant) Take()
    {
        if (_spare.TryPop(out var spare))
        {
            guest.Memory.Page(spare.Frame).Clear(0, PageSize.Bytes);
            return spare;
        }
        var frame = guest.Memory.Allocate();
        try
        {
            return (frame, _backend is { } domain ? guest.Grants.Grant(domain, frame) : default);
        }
        catch
        {
            guest.Memory.Free(frame);
            throw;
        }
    }

    private void GiveBack(Pfn frame, GrantRef grant)
    {
        if (_backend is null)
            guest.Memory.Free(frame);
        else if (!_isPersistent)
            lingering.End(grant, frame);
        else if (guest.Grants.TryEnd(grant))
            guest.Memory.Free(frame);
        else
            _spare.Push((frame, grant));
    }

    private void FreeSpare()
    {
        while (_spare.TryPop(out var spare))
            lingering.End(spare.Grant, spare.Frame);
    }
}
