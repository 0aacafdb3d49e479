namespace Pv.Abi;

/// <summary>Feature bits of the hypervisor, by number; an image's ELF notes name them, too (<c>public/features.h</c>).</summary>
[Xen("XENFEAT_*")]
public enum XenFeature : byte
{
    [Xen("XENFEAT_writable_page_tables")] WritablePageTables = 0,
    [Xen("XENFEAT_writable_descriptor_tables")] WritableDescriptorTables = 1,
    [Xen("XENFEAT_auto_translated_physmap")] AutoTranslatedPhysmap = 2,
    [Xen("XENFEAT_supervisor_mode_kernel")] SupervisorModeKernel = 3,
    [Xen("XENFEAT_pae_pgdir_above_4gb")] PaePgdirAbove4Gb = 4,
    [Xen("XENFEAT_mmu_pt_update_preserve_ad")] MmuPtUpdatePreserveAd = 5,
    [Xen("XENFEAT_highmem_assist")] HighmemAssist = 6,
    [Xen("XENFEAT_gnttab_map_avail_bits")] GrantMapAvailableBits = 7,
    [Xen("XENFEAT_hvm_callback_vector")] HvmCallbackVector = 8,
    [Xen("XENFEAT_hvm_safe_pvclock")] HvmSafePvClock = 9,
    [Xen("XENFEAT_hvm_pirqs")] HvmPirqs = 10,
    [Xen("XENFEAT_dom0")] Dom0 = 11,
    [Xen("XENFEAT_memory_op_vnode_supported")] MemoryOpVnodeSupported = 13,
    [Xen("XENFEAT_ARM_SMCCC_supported")] ArmSmcccSupported = 14,
    [Xen("XENFEAT_linux_rsdp_unrestricted")] LinuxRsdpUnrestricted = 15,
    [Xen("XENFEAT_not_direct_mapped")] NotDirectMapped = 16,
    [Xen("XENFEAT_direct_mapped")] DirectMapped = 17,
}
