using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>What an instruction means for the flags of those before it.</summary>
/// <param name="Replaces">The flags that it certainly gives a new value.</param>
/// <param name="MayLeave">It may fault: all flags from before are seen.</param>
/// <param name="Writes">It may write memory, and so make the code behind it stale: its own flags are seen.</param>
internal readonly record struct FlagEffects(RflagsBits Replaces, bool MayLeave, bool Writes)
{
    private static FlagEffects Opaque => new(RflagsBits.None, true, true);

    public static FlagEffects Of(in Instruction instruction)
    {
        var replaces = instruction.RflagsModified;
        var memory = false;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            var kind = instruction.GetOpKind(i);
            if (kind == OpKind.Memory)
                memory = instruction.Mnemonic != Mnemonic.Lea;
            else if (kind is not (OpKind.Register or OpKind.Immediate8 or OpKind.Immediate16 or OpKind.Immediate32 or OpKind.Immediate64
                or OpKind.Immediate8to16 or OpKind.Immediate8to32 or OpKind.Immediate8to64 or OpKind.Immediate32to64))
                return Opaque;
        }
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Lea or Mnemonic.Add or Mnemonic.Sub or Mnemonic.And
                or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.Inc or Mnemonic.Dec
                or Mnemonic.Neg or Mnemonic.Not or Mnemonic.Imul or Mnemonic.Bswap or Mnemonic.Cdqe or Mnemonic.Cdq or Mnemonic.Cqo
                or Mnemonic.Nop or Mnemonic.Endbr64:
                break;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                // A count of 0 changes nothing.
                if (instruction.Op1Kind == OpKind.Register || (instruction.Immediate8 & 31) == 0)
                    replaces = RflagsBits.None;
                break;
            case Mnemonic.Rol or Mnemonic.Ror:
                replaces = RflagsBits.None;
                break;
            default:
                if (instruction.ConditionCode == ConditionCode.None || instruction.FlowControl != FlowControl.Next)
                    return Opaque;
                break;
        }
        if (!AreGeneral(instruction))
            return Opaque;
        if (!memory)
            return new FlagEffects(replaces, false, false);
        var readsOnly = instruction.Op0Kind == OpKind.Register || instruction.Mnemonic is Mnemonic.Cmp or Mnemonic.Test;
        return new FlagEffects(replaces, true, !readsOnly);
    }

    /// <summary>Whether all register operands are general registers (a move to a segment register is another matter).</summary>
    private static bool AreGeneral(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) == OpKind.Register && !Registers.IsGeneral(instruction.GetOpRegister(i)))
                return false;
        return true;
    }
}
