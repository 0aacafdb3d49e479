using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Toolstack.Building;

namespace Pv.Toolstack.Dumps;

/// <summary>
/// The machine frame of each of a PV guest's pages, as its kernel lists them for the toolstack: a tree of three levels whose root
/// <c>shared_info.arch.pfn_to_mfn_frame_list_list</c> names.
/// </summary>
/// <remarks>All of it is the guest's word: a frame that is not its own cannot be mapped, and no more pages are believed than it has.</remarks>
internal static class FrameList
{
    private const int EntriesPerPage = PageSize.Bytes / sizeof(ulong);

    // Linux marks entries that stand for no frame of the domain's own in the two highest bits; none has all bits set.
    private const ulong NoFrame = 3ul << 62;

    /// <summary>The pages that there are, by number.</summary>
    /// <param name="memory">The domain's frames.</param>
    /// <param name="arch">From its shared_info.</param>
    /// <param name="most">As many pages at most.</param>
    /// <exception cref="InvalidDataException">The kernel has not said where the list is.</exception>
    public static List<(ulong Pfn, ulong Mfn)> Read(ForeignMemory memory, ArchSharedInfo arch, ulong most)
    {
        if (arch.PfnToMfnFrameListList == 0)
            throw new InvalidDataException("its kernel has not said where its list of frames is");
        var pages = new List<(ulong, ulong)>();
        ulong first = 0;
        foreach (var list in Page(memory, arch.PfnToMfnFrameListList))
        {
            if (first >= arch.MaxPfn || (ulong)pages.Count >= most)
                break;
            foreach (var part in Page(memory, list))
            {
                if (first >= arch.MaxPfn || (ulong)pages.Count >= most)
                    break;
                Take(Page(memory, part), first);
                first += EntriesPerPage;
            }
        }
        return pages;

        void Take(ulong[] entries, ulong from)
        {
            for (var i = 0; i < EntriesPerPage && from + (ulong)i < arch.MaxPfn && (ulong)pages.Count < most; i++)
            {
                if ((entries[i] & NoFrame) == 0)
                    pages.Add((from + (ulong)i, entries[i]));
            }
        }
    }

    private static ulong[] Page(ForeignMemory memory, ulong mfn)
        => memory.TryRead(new Mfn(mfn)) is { } bytes
            ? MemoryMarshal.Cast<byte, ulong>(bytes).ToArray()
            : throw new InvalidDataException($"its list of frames names frame 0x{mfn:x}, which is not its own");
}
