namespace Pv.Abi;

/// <summary>The status of a grant operation (<c>public/grant_table.h</c>).</summary>
[Xen("GNTST_*")]
public enum GrantStatus : short
{
    [Xen("GNTST_okay")] Okay = 0,
    [Xen("GNTST_general_error")] GeneralError = -1,

    /// <summary>Unrecognised domain.</summary>
    [Xen("GNTST_bad_domain")] BadDomain = -2,

    /// <summary>Unrecognised or inappropriate grant reference.</summary>
    [Xen("GNTST_bad_gntref")] BadGrantRef = -3,

    /// <summary>Unrecognised or inappropriate mapping handle.</summary>
    [Xen("GNTST_bad_handle")] BadHandle = -4,

    /// <summary>Inappropriate virtual address to map.</summary>
    [Xen("GNTST_bad_virt_addr")] BadVirtualAddress = -5,

    /// <summary>Inappropriate device address to unmap.</summary>
    [Xen("GNTST_bad_dev_addr")] BadDeviceAddress = -6,

    /// <summary>Out of space in the I/O MMU.</summary>
    [Xen("GNTST_no_device_space")] NoDeviceSpace = -7,

    /// <summary>Not enough privilege for the operation.</summary>
    [Xen("GNTST_permission_denied")] PermissionDenied = -8,

    /// <summary>The page is of an unsuitable kind.</summary>
    [Xen("GNTST_bad_page")] BadPage = -9,

    /// <summary>Arguments cross a page.</summary>
    [Xen("GNTST_bad_copy_arg")] BadCopyArgument = -10,

    /// <summary>The transferred page's address is too large for the receiver.</summary>
    [Xen("GNTST_address_too_big")] AddressTooBig = -11,

    /// <summary>The operation would block; try again.</summary>
    [Xen("GNTST_eagain")] TryAgain = -12,

    /// <summary>Out of handles, or of table space.</summary>
    [Xen("GNTST_no_space")] NoSpace = -13,
}
