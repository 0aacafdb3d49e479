namespace Pv.Abi;

/// <summary>The part of the address space that is Xen's in a 64-bit PV guest (<c>public/arch-x86/xen-x86_64.h</c>).</summary>
public static class XenVirtualMemory
{
    /// <summary>First byte; L4 slot 256.</summary>
    [Xen("HYPERVISOR_VIRT_START")] public const ulong Start = 0xffff800000000000;

    /// <summary>One past the last byte; L4 slot 272.</summary>
    [Xen("HYPERVISOR_VIRT_END")] public const ulong End = 0xffff880000000000;

    /// <summary>The read-only table of the pseudo-physical frame number of each machine frame, 8 bytes each.</summary>
    [Xen("MACH2PHYS_VIRT_START")] public const ulong MachineToPhysicalStart = 0xffff800000000000;

    [Xen("MACH2PHYS_VIRT_END")] public const ulong MachineToPhysicalEnd = 0xffff804000000000;
    [Xen("MACH2PHYS_NR_ENTRIES")] public const ulong MachineToPhysicalEntries = 0x800000000;
}
