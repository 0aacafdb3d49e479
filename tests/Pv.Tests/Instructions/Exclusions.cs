using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>The instructions that are not compared with the processor, and why. All others that Iced knows for 64-bit code are.</summary>
internal static class Exclusions
{
    /// <summary>Instruction sets whose instructions work on general registers and flags alone.</summary>
    private static readonly HashSet<CpuidFeature> IntegerSets =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486, CpuidFeature.X64,
        CpuidFeature.CMOV, CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE, CpuidFeature.CLFSH,
        CpuidFeature.PREFETCHW, CpuidFeature.SYSCALL, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.ADX, CpuidFeature.POPCNT,
        CpuidFeature.LZCNT, CpuidFeature.MOVBE, CpuidFeature.FSGSBASE, CpuidFeature.CET_IBT, CpuidFeature.MSR,
    ];

    /// <summary>Integer instructions that came with a vector set.</summary>
    private static readonly HashSet<Mnemonic> IntegerOfVectorSets =
    [
        Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Sfence, Mnemonic.Lfence,
        Mnemonic.Mfence, Mnemonic.Movnti, Mnemonic.Crc32,
    ];

    public static readonly (string Reason, Func<Instruction, bool> Covers)[] Table =
    [
        ("AVX, and sets that the engine does not offer: a later milestone",
            i => !VectorForms.Contains(i) && !X87Forms.HasState(i) && !IntegerOfVectorSets.Contains(i.Mnemonic) && !Array.TrueForAll(i.CpuidFeatures, IntegerSets.Contains)),
        ("two instructions that assemblers have one name for", i => X87Forms.IsPair(i.Code)),
        ("answers differently each time, or by the machine",
            i => i.Mnemonic is Mnemonic.Rdtsc or Mnemonic.Rdtscp or Mnemonic.Rdrand or Mnemonic.Rdseed or Mnemonic.Rdpid or Mnemonic.Rdpmc or Mnemonic.Cpuid),
        ("far control transfers: the kernel's descriptor table decides",
            i => i.IsJmpFar || i.IsJmpFarIndirect || i.IsCallFar || i.IsCallFarIndirect
                || i.Mnemonic is Mnemonic.Retf or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Sysenter or Mnemonic.Sysexit or Mnemonic.Sysexitq),
        ("a system call of Linux for 32-bit code", i => i.Mnemonic == Mnemonic.Int && i.Immediate8 == 0x80),
        ("Linux catches it at CPL 3 (UMIP) and answers in the processor's place",
            i => i.Mnemonic is Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw),
        ("this processor has no such set",
            i => i.CpuidFeatures.Any(set => set switch
            {
                CpuidFeature.BMI1 => !Bmi1.IsSupported,
                CpuidFeature.BMI2 => !Bmi2.IsSupported,
                CpuidFeature.ADX => !HasAdx,
                CpuidFeature.POPCNT => !Popcnt.IsSupported,
                CpuidFeature.LZCNT => !Lzcnt.IsSupported,
                CpuidFeature.SSE4_2 => !Sse42.IsSupported,
                CpuidFeature.MOVBE => !HasMovbe,
                CpuidFeature.FSGSBASE => !HasFsGsBase,
                _ => false,
            })),
    ];

    private static readonly bool HasAdx = (Leaf(7).Ebx >> 19 & 1) != 0;
    private static readonly bool HasFsGsBase = (Leaf(7).Ebx & 1) != 0;
    private static readonly bool HasMovbe = (Leaf(1).Ecx >> 22 & 1) != 0;

    /// <summary>Why an instruction is left out, or null.</summary>
    public static string? ReasonFor(Instruction instruction)
    {
        foreach (var (reason, covers) in Table)
            if (covers(instruction))
                return reason;
        return null;
    }

    private static (int Eax, int Ebx, int Ecx, int Edx) Leaf(int leaf) => X86Base.IsSupported ? X86Base.CpuId(leaf, 0) : default;
}
