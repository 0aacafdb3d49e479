using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.PhysdevOp"/> (<c>public/physdev.h</c>).</summary>
[Xen("PHYSDEVOP_*")]
public enum PhysdevOperation : uint
{
    [Xen("PHYSDEVOP_irq_status_query")] IrqStatusQuery = 5,
    [Xen("PHYSDEVOP_set_iopl")] SetIopl = 6,
    [Xen("PHYSDEVOP_set_iobitmap")] SetIoBitmap = 7,
    [Xen("PHYSDEVOP_apic_read")] ApicRead = 8,
    [Xen("PHYSDEVOP_apic_write")] ApicWrite = 9,
    [Xen("PHYSDEVOP_alloc_irq_vector")] AllocIrqVector = 10,
    [Xen("PHYSDEVOP_free_irq_vector")] FreeIrqVector = 11,
    [Xen("PHYSDEVOP_eoi")] Eoi = 12,
    [Xen("PHYSDEVOP_map_pirq")] MapPirq = 13,
    [Xen("PHYSDEVOP_unmap_pirq")] UnmapPirq = 14,
    [Xen("PHYSDEVOP_manage_pci_add")] ManagePciAdd = 15,
    [Xen("PHYSDEVOP_manage_pci_remove")] ManagePciRemove = 16,
    [Xen("PHYSDEVOP_pirq_eoi_gmfn_v1")] PirqEoiGmfnV1 = 17,
    [Xen("PHYSDEVOP_restore_msi")] RestoreMsi = 19,
    [Xen("PHYSDEVOP_manage_pci_add_ext")] ManagePciAddExt = 20,
    [Xen("PHYSDEVOP_setup_gsi")] SetupGsi = 21,
    [Xen("PHYSDEVOP_get_free_pirq")] GetFreePirq = 23,
    [Xen("PHYSDEVOP_pci_mmcfg_reserved")] PciMmcfgReserved = 24,
    [Xen("PHYSDEVOP_pci_device_add")] PciDeviceAdd = 25,
    [Xen("PHYSDEVOP_pci_device_remove")] PciDeviceRemove = 26,
    [Xen("PHYSDEVOP_restore_msi_ext")] RestoreMsiExt = 27,
    [Xen("PHYSDEVOP_pirq_eoi_gmfn_v2")] PirqEoiGmfnV2 = 28,
    [Xen("PHYSDEVOP_dbgp_op")] DbgpOp = 29,
    [Xen("PHYSDEVOP_prepare_msix")] PrepareMsix = 30,
    [Xen("PHYSDEVOP_release_msix")] ReleaseMsix = 31,
}

/// <summary>Argument of <see cref="PhysdevOperation.SetIopl"/>: the guest kernel's virtual I/O privilege level (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_set_iopl")]
public struct PhysdevSetIopl
{
    public const int WireSize = 4;

    [Xen("iopl")] public uint Iopl;
}

/// <summary>Argument of <see cref="PhysdevOperation.SetIoBitmap"/>: ports that the guest's user mode may use (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_set_iobitmap")]
public struct PhysdevSetIoBitmap
{
    public const int WireSize = 16;

    [Xen("bitmap")] public ulong Bitmap;
    [Xen("nr_ports")] public uint PortCount;
}

/// <summary>Argument of <see cref="PhysdevOperation.Eoi"/> (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_eoi")]
public struct PhysdevEoi
{
    public const int WireSize = 4;

    [Xen("irq")] public uint Irq;
}

/// <summary>Argument of <see cref="PhysdevOperation.IrqStatusQuery"/> (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_irq_status_query")]
public struct PhysdevIrqStatusQuery
{
    public const int WireSize = 8;

    [Xen("irq")] public uint Irq;
    [Xen("flags")] public uint Flags;
}

/// <summary>Argument of <see cref="PhysdevOperation.GetFreePirq"/> (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_get_free_pirq")]
public struct PhysdevGetFreePirq
{
    public const int WireSize = 8;

    [Xen("type")] public int Type;
    [Xen("pirq")] public uint Pirq;
}

/// <summary>Argument of <see cref="PhysdevOperation.PirqEoiGmfnV2"/> (<c>public/physdev.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct physdev_pirq_eoi_gmfn")]
public struct PhysdevPirqEoiGmfn
{
    public const int WireSize = 8;

    [Xen("gmfn")] public ulong Gmfn;
}
