using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="SysctlOperation.GetCpuLevellingCaps"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpu_levelling_caps")]
public struct SysctlCpuLevellingCaps
{
    public const int WireSize = 4;

    [Xen("caps")] public uint Caps;
}

/// <summary>Argument of <see cref="SysctlOperation.GetCpuFeatureSet"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpu_featureset")]
public struct SysctlCpuFeatureSet
{
    public const int WireSize = 16;

    [Xen("index")] public uint Index;
    [Xen("nr_features")] public uint FeatureCount;
    [Xen("features")] public ulong Features;
}

/// <summary>Argument of <see cref="SysctlOperation.GetCpuPolicy"/> (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl_cpu_policy")]
public struct SysctlCpuPolicy
{
    public const int WireSize = 32;

    [Xen("index")] public uint Index;
    [Xen("nr_leaves")] public uint LeafCount;
    [Xen("nr_msrs")] public uint MsrCount;
    [Xen("_rsvd")] public uint Reserved;

    /// <summary>Guest address of an array of <see cref="CpuidLeaf"/>.</summary>
    [Xen("leaves")] public ulong Leaves;

    /// <summary>Guest address of an array of <see cref="MsrEntry"/>.</summary>
    [Xen("msrs")] public ulong Msrs;
}
