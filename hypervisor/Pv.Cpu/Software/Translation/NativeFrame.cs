namespace Pv.Cpu.Software;

/// <summary>
/// What translated code has of the host's registers and stack. Flags stay in the host's RFLAGS from entry to exit: nothing that is put around
/// the guest's own instructions touches them (BMI2 shifts, <c>lea</c>, <c>jrcxz</c>).
/// </summary>
/// <remarks>
/// <code>
/// rsp   the frame; the lowest six bits are 12, so that it is a shift count, too
/// r15   the running root's TLB table plus 54: again a shift count
/// rcx, r10, r11   scratch
/// xmm0..15   the guest's, from the first instruction that uses one on
/// r9    the guest's rsp          r14   the guest's rcx
/// all others     the guest's register of that name
/// </code>
/// The guest's r9, r10, r11, r14 and r15 live in the frame.
/// </remarks>
internal static class NativeFrame
{
    public const int Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7, R8 = 8, R9 = 9, R10 = 10, R11 = 11, R12 = 12, R13 = 13,
        R14 = 14, R15 = 15;

    public const int GuestRsp = R9, GuestRcx = R14, Tlb = R15;

    /// <summary>The low bits of the frame's and the table pointer's address.</summary>
    public const int FrameBias = 12, TlbBias = 54;

    /// <summary>Places in the frame. The bias makes them multiples of 8.</summary>
    public const int Registers = 4, Count = Registers + (5 * 8), State = Count + 8, SegmentBases = State + 8, MapTag = SegmentBases + 24,
        Jumps = MapTag + 8, Data = Jumps + 8, Rip = Data + 8, Site = Rip + 8;

    /// <summary>
    /// 0 while the guest's vector registers and MXCSR are the host's; whether they may become so (0) or the interpreter must do what
    /// uses them; the host's stack pointer and MXCSR to go back to.
    /// </summary>
    public const int VectorsAway = Site + 8, VectorsRefused = VectorsAway + 8, HostStack = VectorsRefused + 8, HostControl = HostStack + 8;

    public const int Bytes = 192;

    /// <summary>The host register that holds a guest register, or -1.</summary>
    public static int HostOf(int guest) => guest switch
    {
        1 => GuestRcx,
        4 => GuestRsp,
        9 or 10 or 11 or 14 or 15 => -1,
        _ => guest,
    };

    /// <summary>The place of a guest register that lives in the frame.</summary>
    public static int PlaceOf(int guest) => Registers + (8 * (guest < 12 ? guest - 9 : guest - 11));

    /// <summary>Whether a guest register is in the host register of the same number.</summary>
    public static bool IsInPlace(int guest) => HostOf(guest) == guest;
}
