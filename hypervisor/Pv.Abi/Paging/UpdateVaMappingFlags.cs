namespace Pv.Abi;

/// <summary>Flags of <see cref="HypercallNumber.UpdateVaMapping"/>: what to flush (<c>public/xen.h</c>). Without <see cref="All"/>, the bits above are the guest address of a bitmap of vCPUs, or 0 for the caller alone.</summary>
[Xen("UVMF_*")]
public enum UpdateVaMappingFlags : ulong
{
    None = 0,

    /// <summary>Flush the whole TLB.</summary>
    [Xen("UVMF_TLB_FLUSH")] TlbFlush = 0x1,

    /// <summary>Flush the one entry.</summary>
    [Xen("UVMF_INVLPG")] Invlpg = 0x2,

    [Xen("UVMF_FLUSHTYPE_MASK")] FlushTypeMask = 0x3,

    /// <summary>On all vCPUs.</summary>
    [Xen("UVMF_ALL")] All = 0x4,
}
