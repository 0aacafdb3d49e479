using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The part of the choice that saves and restores processor state.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe partial class GeneralChoice
{
    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfState(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Fxsave or Mnemonic.Fxsave64:
                return &SaveInstructions.Save;
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64:
                return &SaveInstructions.Restore;
            case Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64:
                return &ExtendedSaveInstructions.Save;
            case Mnemonic.Xrstor or Mnemonic.Xrstor64:
                return &ExtendedSaveInstructions.Restore;
            case Mnemonic.Xgetbv:
                return &ExtendedSaveInstructions.GetControl;
            default:
                return null;
        }
    }
}
