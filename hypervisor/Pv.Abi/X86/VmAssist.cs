namespace Pv.Abi;

/// <summary>Commands of <see cref="HypercallNumber.VmAssist"/> (<c>public/xen.h</c>).</summary>
[Xen("VMASST_CMD_*")]
public enum VmAssistCommand : uint
{
    [Xen("VMASST_CMD_enable")] Enable = 0,
    [Xen("VMASST_CMD_disable")] Disable = 1,
}

/// <summary>Assists that a PV guest can turn on (<c>public/xen.h</c>).</summary>
[Xen("VMASST_TYPE_*")]
public enum VmAssistType : uint
{
    [Xen("VMASST_TYPE_4gb_segments")] FourGigabyteSegments = 0,
    [Xen("VMASST_TYPE_4gb_segments_notify")] FourGigabyteSegmentsNotify = 1,

    /// <summary>Writes to level 1 page tables are trapped, validated and emulated.</summary>
    [Xen("VMASST_TYPE_writable_pagetables")] WritablePageTables = 2,

    [Xen("VMASST_TYPE_pae_extended_cr3")] PaeExtendedCr3 = 3,

    /// <summary>The I/O privilege level is kept in the flags of exception frames.</summary>
    [Xen("VMASST_TYPE_architectural_iopl")] ArchitecturalIopl = 4,

    /// <summary>See <see cref="Runstates.UpdateFlag"/>.</summary>
    [Xen("VMASST_TYPE_runstate_update_flag")] RunstateUpdateFlag = 5,

    /// <summary>The machine-to-physical table is not mapped while in guest user mode.</summary>
    [Xen("VMASST_TYPE_m2p_strict")] StrictM2p = 32,
}
