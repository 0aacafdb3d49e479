namespace Pv.Abi;

/// <summary>The CPUID leaves by which a guest finds Xen (<c>public/arch-x86/cpuid.h</c>).</summary>
public static class XenCpuid
{
    [Xen("XEN_CPUID_FIRST_LEAF")] public const uint FirstLeaf = 0x40000000;
    [Xen("XEN_CPUID_SIGNATURE_EBX")] public const uint SignatureEbx = 0x566e6558;
    [Xen("XEN_CPUID_SIGNATURE_ECX")] public const uint SignatureEcx = 0x65584d4d;
    [Xen("XEN_CPUID_SIGNATURE_EDX")] public const uint SignatureEdx = 0x4d4d566e;
    [Xen("XEN_CPUID_MAX_NUM_LEAVES")] public const uint MaxLeaves = 5;

    /// <summary>Leaf 2, <c>ecx</c>.</summary>
    [Xen("XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD")] public const uint PreserveAccessedDirty = 1;

    /// <summary>Leaf 5, <c>ebx</c>.</summary>
    [Xen("XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK")] public const uint MachineAddressWidthMask = 255;
}
