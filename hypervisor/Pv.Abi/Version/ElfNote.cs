namespace Pv.Abi;

/// <summary>Types of the ELF notes of owner "Xen" by which an image describes itself (<c>public/elfnote.h</c>).</summary>
[Xen("XEN_ELFNOTE_*")]
public enum ElfNote : uint
{
    [Xen("XEN_ELFNOTE_INFO")] Info = 0,

    /// <summary>Address: where to start.</summary>
    [Xen("XEN_ELFNOTE_ENTRY")] Entry = 1,

    /// <summary>Address: the page to fill with hypercall stubs.</summary>
    [Xen("XEN_ELFNOTE_HYPERCALL_PAGE")] HypercallPage = 2,

    /// <summary>Address: where pseudo-physical address 0 is mapped.</summary>
    [Xen("XEN_ELFNOTE_VIRT_BASE")] VirtualBase = 3,

    /// <summary>What the physical addresses of the ELF file are ahead of pseudo-physical ones.</summary>
    [Xen("XEN_ELFNOTE_PADDR_OFFSET")] PhysicalOffset = 4,

    [Xen("XEN_ELFNOTE_XEN_VERSION")] XenVersion = 5,
    [Xen("XEN_ELFNOTE_GUEST_OS")] GuestOs = 6,
    [Xen("XEN_ELFNOTE_GUEST_VERSION")] GuestVersion = 7,
    [Xen("XEN_ELFNOTE_LOADER")] Loader = 8,

    /// <summary>"yes", "no" or "bimodal".</summary>
    [Xen("XEN_ELFNOTE_PAE_MODE")] PaeMode = 9,

    /// <summary>Names of features, parted by "|"; "!" before a required one.</summary>
    [Xen("XEN_ELFNOTE_FEATURES")] Features = 10,

    /// <summary>"yes": load the symbol table, too.</summary>
    [Xen("XEN_ELFNOTE_BSD_SYMTAB")] BsdSymbolTable = 11,

    /// <summary>Lowest address that the hypervisor may occupy.</summary>
    [Xen("XEN_ELFNOTE_HV_START_LOW")] HypervisorStartLow = 12,

    /// <summary>Pairs of mask and value that mark a valid page-table entry.</summary>
    [Xen("XEN_ELFNOTE_L1_MFN_VALID")] L1MfnValid = 13,

    [Xen("XEN_ELFNOTE_SUSPEND_CANCEL")] SuspendCancel = 14,

    /// <summary>Address at which to map the initial physical-to-machine list.</summary>
    [Xen("XEN_ELFNOTE_INIT_P2M")] InitialP2m = 15,

    /// <summary>1: the kernel takes an unmapped ramdisk, by frame number.</summary>
    [Xen("XEN_ELFNOTE_MOD_START_PFN")] ModStartPfn = 16,

    /// <summary>A bitmap of supported features.</summary>
    [Xen("XEN_ELFNOTE_SUPPORTED_FEATURES")] SupportedFeatures = 17,

    /// <summary>32-bit entry of a PVH kernel.</summary>
    [Xen("XEN_ELFNOTE_PHYS32_ENTRY")] Physical32Entry = 18,
}
