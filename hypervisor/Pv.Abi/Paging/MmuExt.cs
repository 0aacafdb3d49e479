using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.MmuExtOp"/> (<c>public/xen.h</c>).</summary>
[Xen("MMUEXT_*")]
public enum MmuExtOperation : uint
{
    [Xen("MMUEXT_PIN_L1_TABLE")] PinL1Table = 0,
    [Xen("MMUEXT_PIN_L2_TABLE")] PinL2Table = 1,
    [Xen("MMUEXT_PIN_L3_TABLE")] PinL3Table = 2,
    [Xen("MMUEXT_PIN_L4_TABLE")] PinL4Table = 3,
    [Xen("MMUEXT_UNPIN_TABLE")] UnpinTable = 4,
    [Xen("MMUEXT_NEW_BASEPTR")] NewBasePointer = 5,
    [Xen("MMUEXT_TLB_FLUSH_LOCAL")] TlbFlushLocal = 6,
    [Xen("MMUEXT_INVLPG_LOCAL")] InvlpgLocal = 7,
    [Xen("MMUEXT_TLB_FLUSH_MULTI")] TlbFlushMulti = 8,
    [Xen("MMUEXT_INVLPG_MULTI")] InvlpgMulti = 9,
    [Xen("MMUEXT_TLB_FLUSH_ALL")] TlbFlushAll = 10,
    [Xen("MMUEXT_INVLPG_ALL")] InvlpgAll = 11,
    [Xen("MMUEXT_FLUSH_CACHE")] FlushCache = 12,
    [Xen("MMUEXT_SET_LDT")] SetLdt = 13,
    [Xen("MMUEXT_NEW_USER_BASEPTR")] NewUserBasePointer = 15,
    [Xen("MMUEXT_CLEAR_PAGE")] ClearPage = 16,
    [Xen("MMUEXT_COPY_PAGE")] CopyPage = 17,
    [Xen("MMUEXT_FLUSH_CACHE_GLOBAL")] FlushCacheGlobal = 18,
    [Xen("MMUEXT_MARK_SUPER")] MarkSuper = 19,
    [Xen("MMUEXT_UNMARK_SUPER")] UnmarkSuper = 20,
}

/// <summary>One operation of <see cref="HypercallNumber.MmuExtOp"/> (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct mmuext_op")]
public struct MmuExt
{
    public const int WireSize = 24;

    [Xen("cmd")] public MmuExtOperation Operation;

    /// <summary>A machine frame number, or a linear address, as the operation says.</summary>
    [Xen("arg1")] public ulong Argument1;

    /// <summary>A count of entries (its low half), the guest address of a bitmap of vCPUs, or a source machine frame.</summary>
    [Xen("arg2")] public ulong Argument2;

    /// <summary>The first argument as a machine frame number.</summary>
    public readonly Mfn Mfn => new(Argument1);

    /// <summary>The first argument as a linear address.</summary>
    public readonly ulong LinearAddress => Argument1;

    /// <summary>The second argument as a count of entries.</summary>
    public readonly uint EntryCount => (uint)Argument2;

    /// <summary>The second argument as a machine frame number.</summary>
    public readonly Mfn SourceMfn => new(Argument2);

    /// <summary>The second argument as the guest address of a bitmap of vCPUs.</summary>
    public readonly ulong VcpuMask => Argument2;
}
