using Iced.Intel;
using NUnit.Framework;
using Pv.Cpu.Software;
using Pv.Machine;

namespace Pv.Tests.Instructions;

/// <summary>That guests are told of an instruction set when all of it was compared with the processor, and only then.</summary>
[TestFixture]
public sealed class FeatureTests
{
    private const int Leaf1Ecx = 0, Leaf1Edx = 1, Leaf7Ebx = 2, ExtendedEcx = 3;
    private const int MmxBit = 23;

    /// <summary>Sets of instructions and the bits that tell of them.</summary>
    private static readonly (CpuidFeature Set, int Word, int Bit)[] Sets =
    [
        (CpuidFeature.SSE, Leaf1Edx, 25), (CpuidFeature.SSE2, Leaf1Edx, 26), (CpuidFeature.SSE3, Leaf1Ecx, 0), (CpuidFeature.SSSE3, Leaf1Ecx, 9),
        (CpuidFeature.SSE4_1, Leaf1Ecx, 19), (CpuidFeature.SSE4_2, Leaf1Ecx, 20), (CpuidFeature.MOVBE, Leaf1Ecx, 22), (CpuidFeature.POPCNT, Leaf1Ecx, 23),
        (CpuidFeature.CMPXCHG16B, Leaf1Ecx, 13),
        (CpuidFeature.MMX, Leaf1Edx, 23), (CpuidFeature.XSAVE, Leaf1Ecx, 26), (CpuidFeature.AES, Leaf1Ecx, 25), (CpuidFeature.PCLMULQDQ, Leaf1Ecx, 1), (CpuidFeature.FMA, Leaf1Ecx, 12), (CpuidFeature.AVX, Leaf1Ecx, 28),
        (CpuidFeature.F16C, Leaf1Ecx, 29), (CpuidFeature.BMI1, Leaf7Ebx, 3), (CpuidFeature.AVX2, Leaf7Ebx, 5), (CpuidFeature.BMI2, Leaf7Ebx, 8),
        (CpuidFeature.ADX, Leaf7Ebx, 19), (CpuidFeature.SHA, Leaf7Ebx, 29), (CpuidFeature.LZCNT, ExtendedEcx, 5), (CpuidFeature.SSE4A, ExtendedEcx, 6),
    ];

    [Test]
    public void WhatIsReportedIsCompared()
    {
        using var memory = new MachineMemory(1);
        using var engine = new SoftwareEngine(memory);
        var features = engine.FeaturesFor(vcpus: 1);
        uint[] words = [features.Leaf1Ecx, features.Leaf1Edx, features.Leaf7Ebx, features.ExtendedEcx];
        var mmx = (words[Leaf1Edx] >> MmxBit & 1) != 0;
        var compared = FormCatalogue.Usual.ByMnemonic.Values.SelectMany(forms => forms).Select(form => form.First.Code).ToHashSet();
        Assert.Multiple(() =>
        {
            foreach (var (set, word, bit) in Sets)
            {
                var missing = InstructionsOf(set, mmx).Where(code => !compared.Contains(code)).ToArray();
                if ((words[word] >> bit & 1) != 0)
                    Assert.That(missing, Is.Empty, $"{set} is reported");
                else
                    Assert.That(missing, Is.Not.Empty, $"all of {set} was compared, but it is not reported");
            }
        });
    }

    /// <summary>The instructions of a set that have no other reason than it to be there or not.</summary>
    private static IEnumerable<Code> InstructionsOf(CpuidFeature set, bool mmx)
        => Enum.GetValues<Code>().Where(code => code.ToOpCode() is { IsInstruction: true, Mode64: true, Encoding: EncodingKind.Legacy or EncodingKind.VEX }
            && new Instruction { Code = code }.CpuidFeatures.Contains(set)
            && !new Instruction { Code = code }.CpuidFeatures.Contains(CpuidFeature.FPU)
            && (mmx || !UsesMmx(code)));

    private static bool UsesMmx(Code code)
    {
        var opcode = code.ToOpCode();
        for (var i = 0; i < opcode.OpCount; i++)
            if (opcode.GetOpKind(i) is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_rm)
                return true;
        return false;
    }
}
