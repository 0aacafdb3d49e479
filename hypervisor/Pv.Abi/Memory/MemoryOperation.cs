namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.MemoryOp"/> (<c>public/memory.h</c>). A continuation's progress is in the bits from 6 up.</summary>
[Xen("XENMEM_*")]
public enum MemoryOperation : uint
{
    [Xen("XENMEM_increase_reservation")] IncreaseReservation = 0,
    [Xen("XENMEM_decrease_reservation")] DecreaseReservation = 1,
    [Xen("XENMEM_maximum_ram_page")] MaximumRamPage = 2,
    [Xen("XENMEM_current_reservation")] CurrentReservation = 3,
    [Xen("XENMEM_maximum_reservation")] MaximumReservation = 4,
    [Xen("XENMEM_machphys_mfn_list")] MachphysMfnList = 5,
    [Xen("XENMEM_populate_physmap")] PopulatePhysmap = 6,
    [Xen("XENMEM_add_to_physmap")] AddToPhysmap = 7,
    [Xen("XENMEM_memory_map")] MemoryMap = 9,
    [Xen("XENMEM_machine_memory_map")] MachineMemoryMap = 10,
    [Xen("XENMEM_exchange")] Exchange = 11,
    [Xen("XENMEM_machphys_mapping")] MachphysMapping = 12,
    [Xen("XENMEM_set_memory_map")] SetMemoryMap = 13,
    [Xen("XENMEM_maximum_gpfn")] MaximumGpfn = 14,
    [Xen("XENMEM_remove_from_physmap")] RemoveFromPhysmap = 15,
    [Xen("XENMEM_set_pod_target")] SetPodTarget = 16,
    [Xen("XENMEM_get_pod_target")] GetPodTarget = 17,
    [Xen("XENMEM_get_sharing_freed_pages")] GetSharingFreedPages = 18,
    [Xen("XENMEM_get_sharing_shared_pages")] GetSharingSharedPages = 19,
    [Xen("XENMEM_paging_op")] PagingOp = 20,
    [Xen("XENMEM_access_op")] AccessOp = 21,
    [Xen("XENMEM_sharing_op")] SharingOp = 22,
    [Xen("XENMEM_add_to_physmap_batch")] AddToPhysmapBatch = 23,
    [Xen("XENMEM_claim_pages")] ClaimPages = 24,
    [Xen("XENMEM_machphys_compat_mfn_list")] MachphysCompatMfnList = 25,
    [Xen("XENMEM_get_vnumainfo")] GetVnumaInfo = 26,
    [Xen("XENMEM_reserved_device_memory_map")] ReservedDeviceMemoryMap = 27,
    [Xen("XENMEM_acquire_resource")] AcquireResource = 28,
}
