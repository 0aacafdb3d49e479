namespace Pv.Abi;

/// <summary>Segment selectors that Xen's own descriptors give a 64-bit PV guest (<c>public/arch-x86/xen-x86_64.h</c>).</summary>
public static class XenSegments
{
    [Xen("FLAT_RING3_CS32")] public const ushort FlatCode32 = 0xe023;
    [Xen("FLAT_RING3_CS64")] public const ushort FlatCode64 = 0xe033;
    [Xen("FLAT_RING3_SS32")] public const ushort FlatStack32 = 0xe02b;
    [Xen("FLAT_RING3_SS64")] public const ushort FlatStack = 0xe02b;
    [Xen("FLAT_RING3_DS32")] public const ushort FlatData32 = 0xe02b;

    /// <summary>The null selector.</summary>
    [Xen("FLAT_RING3_DS64")] public const ushort FlatData = 0;

    /// <summary>Pages of the descriptor table from here on are Xen's.</summary>
    [Xen("FIRST_RESERVED_GDT_PAGE")] public const int FirstReservedGdtPage = 14;

    [Xen("FIRST_RESERVED_GDT_BYTE")] public const int FirstReservedGdtByte = 57344;
    [Xen("FIRST_RESERVED_GDT_ENTRY")] public const int FirstReservedGdtEntry = 7168;
}
