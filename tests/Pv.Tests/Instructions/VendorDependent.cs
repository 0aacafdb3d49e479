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
    public static bool IsShortBranch(Form form)
        => form.First.FlowControl is not (FlowControl.Next or FlowControl.Interrupt or FlowControl.Exception)
            && form.Code.AsSpan(0, Math.Min(form.Code.Length, 5)).IndexOf((byte)0x66) >= 0;

    private static bool LoadsSegment(Instruction instruction, Register segment)
        => instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Kind == OpKind.Register && instruction.Op0Register == segment
            || instruction.Mnemonic == (segment == Register.FS ? Mnemonic.Lfs : Mnemonic.Lgs);
}
