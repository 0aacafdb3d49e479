namespace Pv.Abi;

/// <summary>Grant references that the toolstack fills at a domain's start (<c>public/grant_table.h</c>).</summary>
public static class ReservedGrants
{
    [Xen("GNTTAB_NR_RESERVED_ENTRIES")] public const int Count = 8;
    [Xen("GNTTAB_RESERVED_CONSOLE")] public const uint Console = 0;
    [Xen("GNTTAB_RESERVED_XENSTORE")] public const uint XenStore = 1;
}
