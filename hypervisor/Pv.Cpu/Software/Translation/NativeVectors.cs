using System.Collections.Frozen;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The instructions on vector registers that are translated as they are.</summary>
internal static class NativeVectors
{
    private static readonly FrozenSet<Mnemonic> s_all = Find();

    public static bool Contains(in Instruction instruction)
    {
        if (instruction.Encoding != EncodingKind.Legacy || !s_all.Contains(instruction.Mnemonic))
            return false;
        var vectors = false;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            switch (instruction.GetOpKind(i))
            {
                case OpKind.Register:
                    var register = instruction.GetOpRegister(i);
                    if (register.IsXMM())
                        vectors = true;
                    else if (!Registers.IsGeneral(register))
                        return false;
                    break;
                case OpKind.Memory or OpKind.Immediate8:
                    break;
                default:
                    return false;
            }
        }
        return vectors;
    }

    /// <summary>All of SSE to SSE4.2 with vector operands, but those that give their answer in rcx or have another operand of their own.</summary>
    private static FrozenSet<Mnemonic> Find()
    {
        var all = new HashSet<Mnemonic>();
        if (!Sse42.IsSupported)
            return all.ToFrozenSet();
        foreach (var code in Enum.GetValues<Code>())
        {
            if (code.Encoding() != EncodingKind.Legacy || code.CpuidFeatures().Length != 1)
                continue;
            if (code.CpuidFeatures()[0] is CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1
                or CpuidFeature.SSE4_2)
                all.Add(code.Mnemonic());
        }
        all.ExceptWith([Mnemonic.Maskmovdqu, Mnemonic.Pcmpistri, Mnemonic.Pcmpestri, Mnemonic.Pcmpistrm, Mnemonic.Pcmpestrm, Mnemonic.Pcmpestri64,
            Mnemonic.Pcmpestrm64]);
        return all.ToFrozenSet();
    }
}
