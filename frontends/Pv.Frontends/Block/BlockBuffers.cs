using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>The buffers of a disk, and their grants to whichever domain serves it.</summary>
/// <remarks>In turns only.</remarks>
internal sealed class BlockBuffers(GuestContext guest, GrantedFrames lingering)
{
    private readonly HashSet<BlockBuffer> _buffers = [];
    private DomId? _backend;

    public BlockBuffer Allocate(int bytes)
    {
        var frames = new Pfn[PageSize.PagesFor((ulong)bytes)];
        for (var i = 0; i < frames.Length; i++)
            frames[i] = guest.Memory.Allocate();
        var buffer = new BlockBuffer(this, frames, Array.ConvertAll(frames, guest.Memory.Page));
        _buffers.Add(buffer);
        if (_backend is { } domain)
            Grant(buffer, domain);
        return buffer;
    }

    /// <summary>The disk is served by that domain from now on.</summary>
    public void ServedBy(DomId domain)
    {
        if (_backend == domain)
            return;
        foreach (var buffer in _buffers)
        {
            if (buffer.IsGranted)
                End(buffer, freeFrames: false);
            Grant(buffer, domain);
        }
        _backend = domain;
    }

    public void Release(BlockBuffer buffer)
    {
        _buffers.Remove(buffer);
        if (buffer.IsGranted)
            End(buffer, freeFrames: true);
        else
            foreach (var frame in buffer.Frames)
                guest.Memory.Free(frame);
    }

    private void Grant(BlockBuffer buffer, DomId domain)
    {
        for (var i = 0; i < buffer.Frames.Length; i++)
            buffer.Grants[i] = guest.Grants.Grant(domain, buffer.Frames[i]);
        buffer.IsGranted = true;
    }

    private void End(BlockBuffer buffer, bool freeFrames)
    {
        for (var i = 0; i < buffer.Frames.Length; i++)
            lingering.End(buffer.Grants[i], freeFrames ? buffer.Frames[i] : null);
        buffer.IsGranted = false;
    }
}
