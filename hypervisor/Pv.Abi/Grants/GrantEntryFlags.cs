namespace Pv.Abi;

/// <summary>The flags word of a grant entry: a type and its modifiers (<c>public/grant_table.h</c>).</summary>
[Xen("GTF_*")]
public enum GrantEntryFlags : ushort
{
    /// <summary>Type: the entry is unused.</summary>
    [Xen("GTF_invalid")] Invalid = 0x0,

    /// <summary>Type: the domain may map or copy the frame.</summary>
    [Xen("GTF_permit_access")] PermitAccess = 0x1,

    /// <summary>Type: the domain may transfer a frame to the granter.</summary>
    [Xen("GTF_accept_transfer")] AcceptTransfer = 0x2,

    /// <summary>Type: passes on a grant that the granter holds (version 2).</summary>
    [Xen("GTF_transitive")] Transitive = 0x3,

    [Xen("GTF_type_mask")] TypeMask = 0x3,

    /// <summary>Permit access: mappings are read-only.</summary>
    [Xen("GTF_readonly")] ReadOnly = 0x4,

    /// <summary>Set by the hypervisor: mapped for reading.</summary>
    [Xen("GTF_reading")] Reading = 0x8,

    /// <summary>Set by the hypervisor: mapped for writing.</summary>
    [Xen("GTF_writing")] Writing = 0x10,

    [Xen("GTF_PWT")] WriteThrough = 0x20,
    [Xen("GTF_PCD")] CacheDisable = 0x40,
    [Xen("GTF_PAT")] Pat = 0x80,

    /// <summary>Permit access: to a part of the page only (version 2).</summary>
    [Xen("GTF_sub_page")] SubPage = 0x100,

    /// <summary>Accept transfer: the hypervisor has committed to it.</summary>
    [Xen("GTF_transfer_committed")] TransferCommitted = 0x4,

    /// <summary>Accept transfer: done, the frame number is written.</summary>
    [Xen("GTF_transfer_completed")] TransferCompleted = 0x8,
}
