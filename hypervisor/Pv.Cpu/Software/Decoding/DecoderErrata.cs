using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Encodings that Iced takes for something else than processors do.</summary>
internal static class DecoderErrata
{
    /// <summary>Looks at an instruction that was just decoded; its bytes end at the reader's position.</summary>
    public static void Mend(ref Instruction instruction, CodeBytes bytes)
    {
        if (instruction.Code == Code.Pause && instruction.Length > 2)
            MendPause(ref instruction, bytes);
    }

    /// <summary>With REX.B, opcode 90 exchanges r8 with the accumulator, and the F3 before it means nothing.</summary>
    private static void MendPause(ref Instruction instruction, CodeBytes bytes)
    {
        var rex = bytes[bytes.Position - 2];
        if ((rex & 0xf1) != 0x41)
            return;
        var narrow = false;
        for (var i = 3; i <= instruction.Length; i++)
            narrow |= bytes[bytes.Position - i] == 0x66;
        var exchange = (rex & 8) != 0 ? Instruction.Create(Code.Xchg_r64_RAX, Register.R8, Register.RAX)
            : narrow ? Instruction.Create(Code.Xchg_r16_AX, Register.R8W, Register.AX)
            : Instruction.Create(Code.Xchg_r32_EAX, Register.R8D, Register.EAX);
        exchange.Length = instruction.Length;
        exchange.IP = instruction.IP;
        instruction = exchange;
    }
}
