using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// The instructions on XMM registers, and the control of the floating-point units. Their rows carry an FXSAVE image in and out.
/// </summary>
internal static class VectorForms
{
    /// <summary>The part of an FXSAVE image that is loaded and saved: control, x87 registers, XMM registers (Intel SDM volume 1, table 10-2).</summary>
    public const int ImageBytes = 416;

    private const int ControlWord = 0, StatusWord = 2, Mxcsr = 24, FirstXmm = 160;

    private static readonly HashSet<CpuidFeature> Sets =
        [CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2];

    private static readonly HashSet<Mnemonic> Control =
    [
        Mnemonic.Ldmxcsr, Mnemonic.Stmxcsr, Mnemonic.Fldcw, Mnemonic.Fnstcw, Mnemonic.Fnstsw, Mnemonic.Fninit, Mnemonic.Fnclex, Mnemonic.Wait,
    ];

    /// <summary>Arithmetic of floating-point numbers: not done yet.</summary>
    private static readonly HashSet<Mnemonic> Floats =
    [
        Mnemonic.Addps, Mnemonic.Addpd, Mnemonic.Addss, Mnemonic.Addsd, Mnemonic.Subps, Mnemonic.Subpd, Mnemonic.Subss, Mnemonic.Subsd,
        Mnemonic.Mulps, Mnemonic.Mulpd, Mnemonic.Mulss, Mnemonic.Mulsd, Mnemonic.Divps, Mnemonic.Divpd, Mnemonic.Divss, Mnemonic.Divsd,
        Mnemonic.Minps, Mnemonic.Minpd, Mnemonic.Minss, Mnemonic.Minsd, Mnemonic.Maxps, Mnemonic.Maxpd, Mnemonic.Maxss, Mnemonic.Maxsd,
        Mnemonic.Sqrtps, Mnemonic.Sqrtpd, Mnemonic.Sqrtss, Mnemonic.Sqrtsd, Mnemonic.Rsqrtps, Mnemonic.Rsqrtss, Mnemonic.Rcpps, Mnemonic.Rcpss,
        Mnemonic.Cmpps, Mnemonic.Cmppd, Mnemonic.Cmpss, Mnemonic.Cmpsd, Mnemonic.Comiss, Mnemonic.Comisd, Mnemonic.Ucomiss, Mnemonic.Ucomisd,
        Mnemonic.Cvtsi2ss, Mnemonic.Cvtsi2sd, Mnemonic.Cvttss2si, Mnemonic.Cvttsd2si, Mnemonic.Cvtss2si, Mnemonic.Cvtsd2si, Mnemonic.Cvtps2pd,
        Mnemonic.Cvtpd2ps, Mnemonic.Cvtss2sd, Mnemonic.Cvtsd2ss, Mnemonic.Cvtdq2ps, Mnemonic.Cvtps2dq, Mnemonic.Cvttps2dq, Mnemonic.Cvttpd2dq,
        Mnemonic.Cvtdq2pd, Mnemonic.Cvtpd2dq, Mnemonic.Cvtpi2ps, Mnemonic.Cvtpi2pd, Mnemonic.Haddps, Mnemonic.Haddpd, Mnemonic.Hsubps,
        Mnemonic.Hsubpd, Mnemonic.Addsubps, Mnemonic.Addsubpd, Mnemonic.Roundps, Mnemonic.Roundpd, Mnemonic.Roundss, Mnemonic.Roundsd, Mnemonic.Dpps,
        Mnemonic.Dppd,
    ];

    /// <summary>Whether an instruction is one of these. Those on MMX registers and with VEX or EVEX prefixes are not.</summary>
    public static bool Contains(Instruction instruction) => Control.Contains(instruction.Mnemonic) || UsesXmm(instruction);

    /// <summary>Whether an instruction works on XMM registers.</summary>
    public static bool UsesXmm(Instruction instruction)
    {
        if (Floats.Contains(instruction.Mnemonic) || !instruction.CpuidFeatures.Any(Sets.Contains))
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

    /// <summary>XMM registers of all sorts; the units as they are after a reset of either.</summary>
    public static byte[] MakeImage(Random random)
    {
        var image = new byte[ImageBytes];
        for (var i = 0; i < 16; i++)
            VectorValues.Fill(random, image.AsSpan(FirstXmm, i * 16), image.AsSpan(FirstXmm + i * 16, 16));
        BitConverter.TryWriteBytes(image.AsSpan(ControlWord), (ushort)0x37f);
        BitConverter.TryWriteBytes(image.AsSpan(Mxcsr), 0x1f80);
        return image;
    }

    /// <summary>The XMM registers of an image.</summary>
    public static ReadOnlySpan<byte> Registers(byte[] image) => image.AsSpan(FirstXmm);

    public static Span<byte> Register(byte[] image, Register register) => image.AsSpan(FirstXmm + 16 * (register - Iced.Intel.Register.XMM0), 16);

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

    /// <summary>The registers of an image, for a report.</summary>
    public static string Describe(byte[] image)
        => $"mxcsr {BitConverter.ToUInt32(image, Mxcsr):x}" + string.Concat(Enumerable.Range(0, 16)
            .Select(i => $" xmm{i} {Convert.ToHexString(image, FirstXmm + i * 16, 16)}"));

    private static string Show(byte[] processor, byte[] engine, int offset, int bytes)
        => $"processor {Convert.ToHexString(processor, offset, bytes)}, engine {Convert.ToHexString(engine, offset, bytes)} (first byte first)";
}
