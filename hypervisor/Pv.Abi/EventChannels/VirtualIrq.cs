namespace Pv.Abi;

/// <summary>A virtual interrupt (<c>public/xen.h</c>). Timer, Debug, Xenoprof and XenPmu are bound by each vCPU, the rest once on the host.</summary>
[Xen("VIRQ_*")]
public enum VirtualIrq : uint
{
    [Xen("VIRQ_TIMER")] Timer = 0,

    /// <summary>Asks the guest to dump its state.</summary>
    [Xen("VIRQ_DEBUG")] Debug = 1,

    /// <summary>Bytes received on the emergency console.</summary>
    [Xen("VIRQ_CONSOLE")] Console = 2,

    /// <summary>A domain died or was shut down.</summary>
    [Xen("VIRQ_DOM_EXC")] DomainException = 3,

    /// <summary>The trace buffer has records.</summary>
    [Xen("VIRQ_TBUF")] TraceBuffer = 4,

    [Xen("VIRQ_DEBUGGER")] Debugger = 6,

    /// <summary>A profiling sample overflowed.</summary>
    [Xen("VIRQ_XENOPROF")] Xenoprof = 7,

    /// <summary>Bytes received on the hypervisor's console ring.</summary>
    [Xen("VIRQ_CON_RING")] ConsoleRing = 8,

    /// <summary>A pCPU's state changed.</summary>
    [Xen("VIRQ_PCPU_STATE")] PcpuState = 9,

    /// <summary>A memory event occurred.</summary>
    [Xen("VIRQ_MEM_EVENT")] MemoryEvent = 10,

    /// <summary>A message on an Argo ring.</summary>
    [Xen("VIRQ_ARGO")] Argo = 11,

    /// <summary>The host's free memory is low.</summary>
    [Xen("VIRQ_ENOMEM")] LowMemory = 12,

    /// <summary>A performance counter interrupt.</summary>
    [Xen("VIRQ_XENPMU")] XenPmu = 13,

    [Xen("VIRQ_ARCH_0")] Arch0 = 16,
    [Xen("VIRQ_ARCH_1")] Arch1 = 17,
    [Xen("VIRQ_ARCH_2")] Arch2 = 18,
    [Xen("VIRQ_ARCH_3")] Arch3 = 19,
    [Xen("VIRQ_ARCH_4")] Arch4 = 20,
    [Xen("VIRQ_ARCH_5")] Arch5 = 21,
    [Xen("VIRQ_ARCH_6")] Arch6 = 22,
    [Xen("VIRQ_ARCH_7")] Arch7 = 23,
}

/// <summary>How many virtual interrupts there are (<c>public/xen.h</c>).</summary>
public static class VirtualIrqs
{
    [Xen("NR_VIRQS")] public const int Count = 24;
}
