using System.Globalization;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// Follows the toolstack's <c>memory/target</c> (xenstore-paths): gives frames that nobody uses back to the hypervisor, and takes others
/// when there may be more again, also more than the domain started with.
/// </summary>
/// <remarks>What cannot be had or spared is left as it is until the next word of the toolstack's.</remarks>
internal sealed class Balloon(GuestContext guest)
{
    private const string Node = "memory/target";

    /// <summary>Frames moved between two looks at what else is to be done.</summary>
    private const int Part = 256;

    /// <summary>Frames that the kernel keeps for itself, whatever it is told.</summary>
    private const ulong Spared = 32;

    private const ulong KibPerFrame = PageSize.Bytes / 1024;

    private readonly Stack<Pfn> _held = new();

    public async Task RunAsync()
    {
        await using var watch = await guest.XenStore.WatchAsync(Node);
        await foreach (var _ in watch.Events)
        {
            if (ulong.TryParse(await ReadAsync(), NumberStyles.None, CultureInfo.InvariantCulture, out var kib))
                await MoveAsync(kib / KibPerFrame);
        }
    }

    private async Task<string?> ReadAsync()
    {
        try
        {
            return await guest.XenStore.ReadAsync(Node);
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            // A toolstack that keeps the node to itself wants nothing of the domain.
            return null;
        }
    }

    private async Task MoveAsync(ulong target)
    {
        var memory = guest.Memory;
        while (memory.FrameCount != target)
        {
            var moved = memory.FrameCount > target
                ? Inflate((int)Math.Min(Part, Math.Min(memory.FrameCount - target, memory.FreeFrames - Math.Min(Spared, memory.FreeFrames))))
                : Deflate((int)Math.Min(Part, target - memory.FrameCount));
            if (moved == 0)
                return;
            await guest.Poll();
        }
    }

    /// <summary>Gives so many frames back; answers how many went.</summary>
    private int Inflate(int count)
    {
        Span<Pfn> frames = stackalloc Pfn[count];
        foreach (ref var pfn in frames)
            pfn = guest.Memory.Allocate();
        var gone = (int)Math.Max(0, guest.Hypercalls.DecreaseReservation(frames));
        foreach (var pfn in frames[..gone])
            _held.Push(pfn);
        foreach (var pfn in frames[gone..])
            guest.Memory.Free(pfn);
        guest.Memory.Lose(gone);
        return gone;
    }

    /// <summary>Takes so many frames; answers how many came.</summary>
    private int Deflate(int count)
    {
        Span<Pfn> frames = stackalloc Pfn[count];
        foreach (ref var pfn in frames)
            pfn = _held.TryPop(out var held) ? held : guest.Memory.TakeSlot();
        var come = (int)Math.Max(0, guest.Hypercalls.PopulatePhysmap(frames));
        foreach (var pfn in frames[come..])
            _held.Push(pfn);
        guest.Memory.Gain(frames[..come]);
        return come;
    }
}
