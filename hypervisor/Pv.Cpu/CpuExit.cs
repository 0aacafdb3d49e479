namespace Pv.Cpu;

/// <summary>Why a vCPU's code left its engine.</summary>
public enum CpuExitKind : byte
{
    /// <summary>The engine was kicked: a slice ended, an event came, somebody wants the vCPU to stop.</summary>
    Preempted,

    /// <summary>
    /// <c>syscall</c>. As the processor does it: rip is behind the instruction, rcx = rip, r11 = rflags; nothing else changed.
    /// Whether it is a hypercall or a system call of the guest's user code is the hypervisor's matter.
    /// </summary>
    Syscall,

    /// <summary>
    /// A fault or trap of the vector in <see cref="CpuExit.Vector"/>. Registers are precise: for a fault, those before the instruction
    /// (for a repeated string instruction, those between two iterations); for a trap, those after it.
    /// </summary>
    Exception,

    /// <summary>The guest's code has nothing to do until an event comes (managed guests; a real kernel blocks by hypercall).</summary>
    Blocked,

    /// <summary>
    /// The guest's code waits by looking, again and again, for something that others do or for a time. It may rest until an event comes, but
    /// must look again soon; running on at once is always right.
    /// </summary>
    Idle,
}

/// <summary>An exit and what the processor would have pushed with it.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Vector">The exception's vector.</param>
/// <param name="ErrorCode">The error code, for vectors that have one (see <see cref="ExceptionVector.HasErrorCode"/>).</param>
/// <param name="FaultAddress">What CR2 would hold after a page fault.</param>
public readonly record struct CpuExit(CpuExitKind Kind, byte Vector = 0, uint ErrorCode = 0, ulong FaultAddress = 0)
{
    public static CpuExit Preempted => new(CpuExitKind.Preempted);

    public static CpuExit Syscall => new(CpuExitKind.Syscall);

    public static CpuExit Blocked => new(CpuExitKind.Blocked);

    public static CpuExit Exception(byte vector, uint errorCode = 0) => new(CpuExitKind.Exception, vector, errorCode);

    public static CpuExit PageFault(ulong address, uint errorCode) => new(CpuExitKind.Exception, ExceptionVector.PageFault, errorCode, address);
}

/// <summary>The architectural exception vectors (Intel SDM, volume 3, table 6-1).</summary>
public static class ExceptionVector
{
    public const byte DivideError = 0, Debug = 1, Nmi = 2, Breakpoint = 3, Overflow = 4, BoundRange = 5, InvalidOpcode = 6,
        DeviceNotAvailable = 7, DoubleFault = 8, InvalidTss = 10, SegmentNotPresent = 11, StackFault = 12, GeneralProtection = 13,
        PageFault = 14, MathFault = 16, AlignmentCheck = 17, MachineCheck = 18, SimdFault = 19;

    /// <summary>Whether the processor pushes an error code with this vector.</summary>
    public static bool HasErrorCode(byte vector) => vector is 8 or (>= 10 and <= 14) or 17;
}

/// <summary>The bits of a page fault's error code.</summary>
[Flags]
public enum PageFaultError : uint
{
    None = 0,
    Present = 1,
    Write = 2,
    User = 4,
    ReservedBit = 8,
    InstructionFetch = 16,
}
