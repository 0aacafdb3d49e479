namespace Pv.Abi;

/// <summary>Flags of a grant mapping (<c>public/grant_table.h</c>).</summary>
[Flags]
[Xen("GNTMAP_*")]
public enum GrantMapFlags : uint
{
    None = 0,

    /// <summary>For I/O by devices.</summary>
    [Xen("GNTMAP_device_map")] DeviceMap = 1 << 0,

    /// <summary>For use by the processor.</summary>
    [Xen("GNTMAP_host_map")] HostMap = 1 << 1,

    [Xen("GNTMAP_readonly")] ReadOnly = 1 << 2,

    /// <summary>Accessible to user mode.</summary>
    [Xen("GNTMAP_application_map")] ApplicationMap = 1 << 3,

    /// <summary>The host address is that of a page-table entry.</summary>
    [Xen("GNTMAP_contains_pte")] ContainsPte = 1 << 4,

    /// <summary>Bits put into the guest-available bits of the page-table entry.</summary>
    [Xen("GNTMAP_guest_avail_mask")] GuestAvailableMask = 0xffff0000,
}
