namespace Pv.Hypervisor.Traps;

/// <summary>The bits of RFLAGS that matter at a guest's edges (Intel SDM, volume 1, 3.4.3).</summary>
internal static class GuestFlags
{
    public const ulong AlwaysOne = 1 << 1, Trap = 1 << 8, Interrupt = 1 << 9, IoplMask = 3 << 12, NestedTask = 1 << 14, Resume = 1 << 16,
        VirtualMode = 1 << 17, AlignmentCheck = 1 << 18, VirtualInterrupt = 1 << 19, VirtualInterruptPending = 1 << 20;

    private const ulong Known = 0x3f7fd7;

    /// <summary>What real flags a vCPU runs with when it asks for some: interrupts on, no I/O privilege, no virtual-8086 mode.</summary>
    public static ulong Sanitize(ulong wanted)
        => wanted & Known & ~(IoplMask | VirtualMode | VirtualInterrupt | VirtualInterruptPending) | Interrupt | AlwaysOne;
}
