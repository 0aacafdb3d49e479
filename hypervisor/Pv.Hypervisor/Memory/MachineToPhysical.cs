using Pv.Abi;
using Pv.Machine;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// The machine-to-physical table: for each machine frame, its number within its owner's memory. It stands at the machine's beginning and is
/// mapped read-only into every guest at slots 256 and 257 of its L4 tables.
/// </summary>
internal sealed class MachineToPhysical
{
    private const ulong TableFlags = 0x67;                                   // present, writable, user, accessed, dirty
    private const ulong RootFlags = 0x25 | 1ul << 63;                        // present, user, accessed, no-execute
    private const ulong LeafFlags = 0x1e5 | 1ul << 63;                       // present, user, accessed, dirty, 2 MiB, global, no-execute
    private const int FramesPerSuperpage = 512;
    private const ulong SuperpageBytes = 2ul << 20;

    private readonly MachineMemory _memory;

    public MachineToPhysical(MachineMemory memory)
    {
        _memory = memory;
        var superpages = (memory.FrameCount * sizeof(ulong) + SuperpageBytes - 1) / SuperpageBytes;
        if (superpages > 512)
            throw new ArgumentException("A machine of more than 512 GiB needs a second L2 table for its machine-to-physical map.", nameof(memory));
        var tables = superpages * FramesPerSuperpage;
        ReservedFrames = tables + 2;
        if (ReservedFrames >= memory.FrameCount)
            throw new ArgumentException("The machine is too small for its own tables.", nameof(memory));
        var l2 = new Mfn(tables);
        L3 = new Mfn(tables + 1);
        for (ulong i = 0; i < superpages; i++)
            memory.Words(l2)[(int)i] = i * SuperpageBytes | LeafFlags;
        memory.Words(L3)[0] = l2.Address | TableFlags;
        for (ulong frame = 0; frame < PageSize.PagesFor(memory.FrameCount * sizeof(ulong)); frame++)
            memory.Frame(new Mfn(frame)).Fill(0xff);
    }

    /// <summary>How many frames from 0 on the table and its page tables take.</summary>
    public ulong ReservedFrames { get; }

    /// <summary>The L3 table that slots 256 and 257 point to.</summary>
    public Mfn L3 { get; }

    /// <summary>What the hypervisor puts into slot 256 and 257 of each L4.</summary>
    public ulong L4Entry => L3.Address | RootFlags;

    /// <summary>The first virtual address of the table as guests are told it (<c>XENMEM_machphys_mapping</c>).</summary>
    public static ulong VirtualStart => XenVirtualMemory.MachineToPhysicalStart;

    public Pfn this[Mfn mfn]
    {
        get => new(Volatile.Read(ref _memory.At<ulong>(mfn.Value * sizeof(ulong))));
        set => Volatile.Write(ref _memory.At<ulong>(mfn.Value * sizeof(ulong)), value.Value);
    }
}
