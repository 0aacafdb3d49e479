using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// The instructions on XMM registers, and the control of the floating-point units. Their rows carry an FXSAVE image in and out.
/// </summary>
internal static class VectorForms
{
    /// <summary>The part of an FXSAVE image that is loaded and saved: control, x87 registers, XMM registers (Intel SDM volume 1, table 10-2).</summary>
    public const int ImageBytes = 416;

    private const int ControlWord = 0, Mxcsr = 24, FirstXmm = 160;

    private const uint ResetMxcsr = 0x1f80;

    private static readonly HashSet<CpuidFeature> Sets =
        [CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2];

    private static readonly HashSet<Mnemonic> Control =
    [
        Mnemonic.Ldmxcsr, Mnemonic.Stmxcsr,
    ];

    /// <summary>Whether an instruction is one of these. Those on MMX registers and with VEX or EVEX prefixes are not.</summary>
    public static bool Contains(Instruction instruction) => Control.Contains(instruction.Mnemonic) || UsesXmm(instruction);

    /// <summary>Whether an instruction works on XMM registers.</summary>
    public static bool UsesXmm(Instruction instruction)
    {
        if (!instruction.CpuidFeatures.Any(Sets.Contains))
            return false;
        var opcode = instruction.Code.ToOpCode();
        if (opcode.Encoding != EncodingKind.Legacy)
            return false;
        var found = false;
        for (var i = 0; i < opcode.OpCount; i++)
        {
            var kind = opcode.GetOpKind(i);
            if (kind is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_rm)
                return false;
            found |= kind is OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_rm;
        }
        return found;
    }

    /// <summary>
    /// XMM registers of all sorts, and MXCSR of all sorts where the instruction computes with floating-point numbers; the units as they are
    /// after a reset otherwise.
    /// </summary>
    public static byte[] MakeImage(Random random, int floatBytes = 0)
    {
        var image = new byte[ImageBytes];
        for (var i = 0; i < 16; i++)
            VectorValues.Fill(random, floatBytes, image.AsSpan(FirstXmm, i * 16), image.AsSpan(FirstXmm + i * 16, 16));
        BitConverter.TryWriteBytes(image.AsSpan(ControlWord), (ushort)0x37f);
        BitConverter.TryWriteBytes(image.AsSpan(Mxcsr), floatBytes == 0 ? ResetMxcsr : PickMxcsr(random));
        return image;
    }

    /// <summary>The bytes of the floating-point numbers that an instruction works on; 0 for those of integers.</summary>
    public static int FloatBytes(Instruction instruction)
    {
        if (!UsesXmm(instruction))
            return 0;
        var name = instruction.Mnemonic.ToString();
        return name.EndsWith("ss", StringComparison.Ordinal) || name.EndsWith("ps", StringComparison.Ordinal)
            || name.Contains("ss2", StringComparison.Ordinal) || name.Contains("ps2", StringComparison.Ordinal) ? 4
            : name.EndsWith("sd", StringComparison.Ordinal) || name.EndsWith("pd", StringComparison.Ordinal)
            || name.Contains("sd2", StringComparison.Ordinal) || name.Contains("pd2", StringComparison.Ordinal) ? 8
            : 0;
    }

    /// <summary>Masked exceptions and rounding to nearest for half of the rows, as programs have it; the rest at random.</summary>
    private static uint PickMxcsr(Random random) => random.Next(8) switch
    {
        0 => ResetMxcsr,
        1 or 2 => ResetMxcsr | 0x20,
        3 => ResetMxcsr | (uint)random.Next(0x40),
        4 => ResetMxcsr | (uint)random.Next(4) << 13,
        5 => ResetMxcsr | (uint)random.Next(4) << 13 | (random.Next(2) == 0 ? 0x40u : 0) | (random.Next(2) == 0 ? 0x8000u : 0),
        6 => ResetMxcsr & ~(0x80u << random.Next(6)) | (uint)random.Next(4) << 13,
        _ => (uint)random.Next(0x10000),
    };

    /// <summary>The XMM registers of an image.</summary>
    public static ReadOnlySpan<byte> Registers(byte[] image) => image.AsSpan(FirstXmm);

    public static Span<byte> RegisterOf(byte[] image, Register register) => image.AsSpan(FirstXmm + 16 * (register - Register.XMM0), 16);

    /// <summary>What of the SSE parts of two images differs, in words; null when nothing does.</summary>
    public static string? Differences(byte[] processor, byte[] engine, Register approximate = Register.None)
    {
        if (!processor.AsSpan(Mxcsr, 4).SequenceEqual(engine.AsSpan(Mxcsr, 4)))
            return $"mxcsr: {Show(processor, engine, Mxcsr, 4)}";
        for (var i = 0; i < 16; i++)
            if (!processor.AsSpan(FirstXmm + i * 16, 16).SequenceEqual(engine.AsSpan(FirstXmm + i * 16, 16))
                && !(approximate - Register.XMM0 == i && Approximations.AreAlike(processor.AsSpan(FirstXmm + i * 16, 16), engine.AsSpan(FirstXmm + i * 16, 16))))
                return $"xmm{i}: {Show(processor, engine, FirstXmm + i * 16, 16)}";
        return null;
    }

    /// <summary>The registers of an image, for a report.</summary>
    public static string Describe(byte[] image)
        => $"mxcsr {BitConverter.ToUInt32(image, Mxcsr):x}" + string.Concat(Enumerable.Range(0, 16)
            .Select(i => $" xmm{i} {Convert.ToHexString(image, FirstXmm + i * 16, 16)}"));

    private static string Show(byte[] processor, byte[] engine, int offset, int bytes)
        => $"processor {Convert.ToHexString(processor, offset, bytes)}, engine {Convert.ToHexString(engine, offset, bytes)} (first byte first)";
}
