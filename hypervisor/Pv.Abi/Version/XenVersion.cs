using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.XenVersion"/> (<c>public/version.h</c>).</summary>
[Xen("XENVER_*")]
public enum XenVersionOperation : uint
{
    /// <summary>Returns major &lt;&lt; 16 | minor.</summary>
    [Xen("XENVER_version")] Version = 0,

    /// <summary>Fills <see cref="VersionLimits.ExtraVersionBytes"/> bytes.</summary>
    [Xen("XENVER_extraversion")] ExtraVersion = 1,

    /// <summary>Fills a <see cref="XenCompileInfo"/>.</summary>
    [Xen("XENVER_compile_info")] CompileInfo = 2,

    /// <summary>Fills <see cref="VersionLimits.CapabilitiesBytes"/> bytes.</summary>
    [Xen("XENVER_capabilities")] Capabilities = 3,

    /// <summary>Fills <see cref="VersionLimits.ChangesetBytes"/> bytes.</summary>
    [Xen("XENVER_changeset")] Changeset = 4,

    /// <summary>Fills a <see cref="XenPlatformParameters"/>.</summary>
    [Xen("XENVER_platform_parameters")] PlatformParameters = 5,

    /// <summary>Argument: <see cref="XenFeatureInfo"/>.</summary>
    [Xen("XENVER_get_features")] GetFeatures = 6,

    /// <summary>Returns the page size in bytes.</summary>
    [Xen("XENVER_pagesize")] PageSize = 7,

    /// <summary>Fills the domain's <see cref="DomainHandle"/>.</summary>
    [Xen("XENVER_guest_handle")] GuestHandle = 8,

    /// <summary>Fills <see cref="VersionLimits.CommandLineBytes"/> bytes.</summary>
    [Xen("XENVER_commandline")] CommandLine = 9,

    /// <summary>Argument: <see cref="XenBuildId"/>.</summary>
    [Xen("XENVER_build_id")] BuildId = 10,
}

/// <summary>Who built the hypervisor, NUL-terminated strings (<c>public/version.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_compile_info")]
public struct XenCompileInfo
{
    public const int WireSize = 144;

    [Xen("compiler")] public Array64<byte> Compiler;
    [Xen("compile_by")] public Array16<byte> CompileBy;
    [Xen("compile_domain")] public Array32<byte> CompileDomain;
    [Xen("compile_date")] public Array32<byte> CompileDate;
}

/// <summary>Where the hypervisor's part of the address space starts (<c>public/version.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_platform_parameters")]
public struct XenPlatformParameters
{
    public const int WireSize = 8;

    [Xen("virt_start")] public ulong VirtualStart;
}

/// <summary>32 feature bits (see <see cref="XenFeature"/>) (<c>public/version.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_feature_info")]
public struct XenFeatureInfo
{
    public const int WireSize = 8;

    /// <summary>In: which 32.</summary>
    [Xen("submap_idx")] public uint SubmapIndex;

    /// <summary>Out: the bits.</summary>
    [Xen("submap")] public uint Submap;
}

/// <summary>Header of the build's identifier; its bytes follow (<c>public/version.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_build_id", IsPrefix = true)]
public struct XenBuildId
{
    public const int WireSize = 4;

    /// <summary>In: room. Out: bytes.</summary>
    [Xen("len")] public uint Length;
}

/// <summary>Sizes of the strings that <see cref="HypercallNumber.XenVersion"/> fills, in bytes (<c>public/version.h</c>).</summary>
public static class VersionLimits
{
    [Xen("XEN_EXTRAVERSION_LEN")] public const int ExtraVersionBytes = 16;
    [Xen("XEN_CAPABILITIES_INFO_LEN")] public const int CapabilitiesBytes = 1024;
    [Xen("XEN_CHANGESET_INFO_LEN")] public const int ChangesetBytes = 64;
    [Xen("MAX_GUEST_CMDLINE")] public const int CommandLineBytes = 1024;
    [Xen("XENFEAT_NR_SUBMAPS")] public const int FeatureSubmaps = 1;
}
