using Iced.Intel;
using Pv.Cpu;

namespace Pv.Tests.Instructions;

/// <summary>What processors of different makers do differently, so that this host's answer binds nobody.</summary>
internal static class VendorDependent
{
    /// <summary>Loading a null selector clears the base on Intel's processors and AMD's newer ones, and keeps it on older ones.</summary>
    public static bool FsBase(Row row) => LoadsSegment(row.Form.First, Register.FS);

    public static bool GsBase(Row row) => LoadsSegment(row.Form.First, Register.GS);

    /// <summary>Where int1 is reported: behind it by the manuals, at it by some virtual machines.</summary>
    public static bool Rip(Row row, Outcome processor) => row.Form.First.Mnemonic == Mnemonic.Int1 && processor.Exit.Vector == ExceptionVector.Debug;

    /// <summary>A near branch with an operand-size prefix: AMD's processors cut rip to 16 bits, Intel's ignore the prefix.</summary>
    private static bool IsShortBranch(Form form)
        => form.First.FlowControl is not (FlowControl.Next or FlowControl.Interrupt or FlowControl.Exception)
            && form.Code.AsSpan(0, Math.Min(form.Code.Length, 5)).IndexOf((byte)0x66) >= 0;

    /// <summary>
    /// Encodings that makers take differently: short near branches (<see cref="IsShortBranch"/>); loope and loopne with a repeat prefix,
    /// which AMD's processors take for the condition; 0F 0D with a register, a nop or undefined; REX.W with lfs, lgs and lss, which AMD's ignore;
    /// a pause with REX.B, which AMD's take for an exchange with r8; movsxd of 16 bits from memory, where AMD's read 32; and xsave of whatever components there are (<see cref="StateForms.IsAmbiguous"/>).
    /// </summary>
    public static bool IsEncoding(Form form)
    {
        var instruction = form.First;
        return IsShortBranch(form) || StateForms.IsAmbiguous(instruction)
            || instruction.Mnemonic is Mnemonic.Loope or Mnemonic.Loopne && form.Code.AsSpan(0, form.Code.Length - 2).IndexOfAny((byte)0xf2, (byte)0xf3) >= 0
            || instruction.Mnemonic == Mnemonic.Pause && form.Code.AsSpan().IndexOfAnyInRange((byte)0x40, (byte)0x4f) >= 0
            || instruction.Mnemonic is Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss && instruction.Op0Register.GetSize() == 8
            || instruction.Code == Code.Movsxd_r16_rm16 && instruction.Op1Kind == OpKind.Memory
            || instruction.Code is Code.Reservednop_rm16_r16_0F0D or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D;
    }

    /// <summary>
    /// Which of two faults an instruction with two bad addresses raises (cmps; a call with a bad target and a bad stack; which part of maskmovdqu is first); and whether an offset that is not canonical counts when the sum
    /// with its segment's base is (#GP on AMD's processors).
    /// </summary>
    public static bool IsChoiceOfFaults(Row row, CpuExit processor, CpuExit engine)
        => row.Form.First.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq or Mnemonic.Call
            or Mnemonic.Maskmovdqu or Mnemonic.Maskmovq && IsAddressFault(processor) && IsAddressFault(engine)
            || row.Form.First.SegmentPrefix is Register.FS or Register.GS && processor.Vector == ExceptionVector.GeneralProtection
                && engine.Vector == ExceptionVector.PageFault && engine.FaultAddress >= Arena.UpperStart;

    /// <summary>
    /// An operand of more than 8 bytes that reaches into a page that faults: processors access its parts one by one, in an order of their
    /// own, so which byte the fault is at (of 32-bit addresses, beyond 4 GiB or around it), and what was stored of the others before, is theirs.
    /// </summary>
    public static bool IsPiecewiseFault(Row row, CpuExit processor, CpuExit engine)
        => (StateForms.HasImage(row.Form.First) || X87Forms.Contains(row.Form.First) && MemoryOperand.Exists(row.Form.First) && new MemoryOperand(row.Form.First).Bytes >= 10)
            && processor.Vector == ExceptionVector.PageFault && engine.Vector == ExceptionVector.PageFault
            && processor.ErrorCode == engine.ErrorCode && (uint)processor.FaultAddress >> 12 == (uint)engine.FaultAddress >> 12;

    /// <summary>
    /// A segment register popped from where eight bytes are not aligned: Intel's processors read the selector alone, AMD's all eight, so
    /// one of them may fault where the other does not.
    /// </summary>
    public static bool IsNarrowPop(Row row)
        => row.Form.First is { Mnemonic: Mnemonic.Pop, Op0Register: Register.FS or Register.GS } && row.General[4] % sizeof(ulong) != 0;

    /// <summary>
    /// The upper half of a register that a string instruction with 32-bit addresses uses, where nothing was counted or the first element
    /// faulted: Intel's processors clear it, AMD's leave it.
    /// </summary>
    public static bool IsUpperHalf(Row row, int register)
        => register is 1 or 6 or 7 && (IsShort(row.Form.First.Op0Kind) || IsShort(row.Form.First.Op1Kind));

    /// <summary>
    /// The flags of a repeated comparison that an element's fault or a single step interrupts: of the element before, or those of its beginning.
    /// </summary>
    public static bool ArithmeticFlags(Row row, CpuExit processor)
        => (IsAddressFault(processor) || processor.Vector == ExceptionVector.Debug) && row.Form.First is { HasRepPrefix: true } or { HasRepnePrefix: true }
            && row.Form.First.Mnemonic is Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq
                or Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq;

    /// <summary>Whether a call to where nothing can run has stored its return address when it faults.</summary>
    public static bool ReturnAddress(Row row, CpuExit processor) => row.Form.First.Mnemonic == Mnemonic.Call && IsAddressFault(processor);

    private static bool IsShort(OpKind kind) => kind is OpKind.MemoryESEDI or OpKind.MemorySegESI or OpKind.MemorySegEDI;

    private static bool IsAddressFault(CpuExit exit) => exit.Vector is ExceptionVector.StackFault or ExceptionVector.GeneralProtection or ExceptionVector.PageFault;

    private static bool LoadsSegment(Instruction instruction, Register segment)
        => instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Kind == OpKind.Register && instruction.Op0Register == segment
            || instruction.Mnemonic == (segment == Register.FS ? Mnemonic.Lfs : Mnemonic.Lgs);
}
