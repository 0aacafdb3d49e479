namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.GrantTableOp"/>; the argument of each is an array of the struct of the same name (<c>public/grant_table.h</c>).</summary>
[Xen("GNTTABOP_*")]
public enum GrantTableOperation : uint
{
    [Xen("GNTTABOP_map_grant_ref")] MapGrantRef = 0,
    [Xen("GNTTABOP_unmap_grant_ref")] UnmapGrantRef = 1,
    [Xen("GNTTABOP_setup_table")] SetupTable = 2,
    [Xen("GNTTABOP_dump_table")] DumpTable = 3,
    [Xen("GNTTABOP_transfer")] Transfer = 4,
    [Xen("GNTTABOP_copy")] Copy = 5,
    [Xen("GNTTABOP_query_size")] QuerySize = 6,
    [Xen("GNTTABOP_unmap_and_replace")] UnmapAndReplace = 7,
    [Xen("GNTTABOP_set_version")] SetVersion = 8,
    [Xen("GNTTABOP_get_status_frames")] GetStatusFrames = 9,
    [Xen("GNTTABOP_get_version")] GetVersion = 10,
    [Xen("GNTTABOP_swap_grant_ref")] SwapGrantRef = 11,
    [Xen("GNTTABOP_cache_flush")] CacheFlush = 12,
}
