namespace Pv.Abi;

/// <summary>Which base <see cref="HypercallNumber.SetSegmentBase"/> sets (<c>public/arch-x86/xen.h</c>).</summary>
[Xen("SEGBASE_*")]
public enum SegmentBase : uint
{
    [Xen("SEGBASE_FS")] Fs = 0,
    [Xen("SEGBASE_GS_USER")] GsUser = 1,
    [Xen("SEGBASE_GS_KERNEL")] GsKernel = 2,

    /// <summary>Loads a selector, and the base from its descriptor.</summary>
    [Xen("SEGBASE_GS_USER_SEL")] GsUserSelector = 3,
}
