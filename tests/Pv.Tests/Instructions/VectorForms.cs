using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// The instructions on XMM registers that the engine does so far: moves, bitwise logic, and control of the floating-point units. Their rows
/// carry an FXSAVE image in and out.
/// </summary>
internal static class VectorForms
{
    /// <summary>The part of an FXSAVE image that is loaded and saved: control, x87 registers, XMM registers (Intel SDM volume 1, table 10-2).</summary>
    public const int ImageBytes = 416;

    private const int ControlWord = 0, StatusWord = 2, Mxcsr = 24, FirstXmm = 160;

    private static readonly HashSet<Mnemonic> Done =
    [
        Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa, Mnemonic.Movntps, Mnemonic.Movntpd, Mnemonic.Movntdq, Mnemonic.Movntdqa,
        Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu, Mnemonic.Lddqu, Mnemonic.Movd, Mnemonic.Movq, Mnemonic.Movss, Mnemonic.Movsd,
        Mnemonic.Movlps, Mnemonic.Movlpd, Mnemonic.Movhps, Mnemonic.Movhpd, Mnemonic.Movhlps, Mnemonic.Movlhps, Mnemonic.Pxor, Mnemonic.Xorps,
        Mnemonic.Xorpd, Mnemonic.Por, Mnemonic.Orps, Mnemonic.Orpd, Mnemonic.Pand, Mnemonic.Andps, Mnemonic.Andpd, Mnemonic.Pandn,
        Mnemonic.Andnps, Mnemonic.Andnpd, Mnemonic.Ldmxcsr, Mnemonic.Stmxcsr, Mnemonic.Fldcw, Mnemonic.Fnstcw, Mnemonic.Fnstsw, Mnemonic.Fninit,
        Mnemonic.Fnclex, Mnemonic.Wait,
    ];

    /// <summary>Whether an instruction is one of these. Those on MMX registers and with VEX or EVEX prefixes are not.</summary>
    public static bool Contains(Instruction instruction)
    {
        if (!Done.Contains(instruction.Mnemonic) || instruction.Code == Code.Movsd_m32_m32)
            return false;
        var opcode = instruction.Code.ToOpCode();
        for (var i = 0; i < opcode.OpCount; i++)
            if (opcode.GetOpKind(i) is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_rm)
                return false;
        return opcode.Encoding == EncodingKind.Legacy;
    }

    /// <summary>Random XMM registers; the units as they are after a reset of either.</summary>
    public static byte[] MakeImage(Random random)
    {
        var image = new byte[ImageBytes];
        random.NextBytes(image.AsSpan(FirstXmm));
        BitConverter.TryWriteBytes(image.AsSpan(ControlWord), (ushort)0x37f);
        BitConverter.TryWriteBytes(image.AsSpan(Mxcsr), 0x1f80);
        return image;
    }

    /// <summary>What of two images differs, in words; null when nothing that code can see does.</summary>
    public static string? Differences(byte[] processor, byte[] engine)
    {
        foreach (var (name, offset, bytes) in new[] { ("fcw", ControlWord, 2), ("fsw", StatusWord, 2), ("ftw", 4, 1), ("mxcsr", Mxcsr, 4) })
            if (!processor.AsSpan(offset, bytes).SequenceEqual(engine.AsSpan(offset, bytes)))
                return $"{name}: {Show(processor, engine, offset, bytes)}";
        for (var i = 0; i < 16; i++)
            if (!processor.AsSpan(FirstXmm + i * 16, 16).SequenceEqual(engine.AsSpan(FirstXmm + i * 16, 16)))
                return $"xmm{i}: {Show(processor, engine, FirstXmm + i * 16, 16)}";
        return null;
    }

    private static string Show(byte[] processor, byte[] engine, int offset, int bytes)
        => $"processor {Convert.ToHexString(processor, offset, bytes)}, engine {Convert.ToHexString(engine, offset, bytes)} (first byte first)";
}
