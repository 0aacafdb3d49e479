using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The part of the choice that is not arithmetic: moves, flags, what the hypervisor answers, privileged ones, vectors.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe partial class GeneralChoice
{
    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfSystem(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov when IsSegmentMove(instruction):
                return &SegmentInstructions.Move;
            case Mnemonic.Mov when IsPlain(instruction):
            case Mnemonic.Movzx or Mnemonic.Movnti:
                return &MiscellaneousInstructions.Move;
            case Mnemonic.Movsx or Mnemonic.Movsxd:
                return &MiscellaneousInstructions.MoveSigned;
            case Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cwd:
                return &MiscellaneousInstructions.Widen;
            case Mnemonic.Lahf:
                return &MiscellaneousInstructions.LoadFlagsToAh;
            case Mnemonic.Sahf:
                return &MiscellaneousInstructions.StoreAhToFlags;
            case Mnemonic.Clc or Mnemonic.Stc or Mnemonic.Cmc or Mnemonic.Cld or Mnemonic.Std:
                return &MiscellaneousInstructions.ChangeFlag;
            case Mnemonic.Xlatb:
                return &MiscellaneousInstructions.Translate;
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                return &MiscellaneousInstructions.ReadTimeStamp;
            case Mnemonic.Rdpid:
                return &MiscellaneousInstructions.ReadProcessorId;
            case Mnemonic.Rdrand or Mnemonic.Rdseed:
                return &MiscellaneousInstructions.ReadRandom;
            case Mnemonic.Cpuid:
                return &MiscellaneousInstructions.Cpuid;
            case Mnemonic.Rdfsbase or Mnemonic.Rdgsbase or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase:
                return &MiscellaneousInstructions.SegmentBase;
            case Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Sfence:
                return &MiscellaneousInstructions.Fence;
            case Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb:
                return &MiscellaneousInstructions.FlushLine;
            case Mnemonic.Nop or Mnemonic.Reservednop or Mnemonic.Pause or Mnemonic.Endbr64 or Mnemonic.Endbr32 or Mnemonic.Prefetchnta
                or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2 or Mnemonic.Prefetchw or Mnemonic.Prefetch
                or Mnemonic.Prefetchwt1 or Mnemonic.Cldemote:
                return &MiscellaneousInstructions.Nothing;
            case Mnemonic.In or Mnemonic.Out or Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw
                or Mnemonic.Outsd or Mnemonic.Cli or Mnemonic.Sti or Mnemonic.Hlt or Mnemonic.Mov or Mnemonic.Rdmsr or Mnemonic.Wrmsr
                or Mnemonic.Rdpmc or Mnemonic.Lgdt or Mnemonic.Lidt or Mnemonic.Lldt or Mnemonic.Ltr or Mnemonic.Lmsw or Mnemonic.Clts
                or Mnemonic.Invlpg or Mnemonic.Invd or Mnemonic.Wbinvd or Mnemonic.Wbnoinvd or Mnemonic.Swapgs or Mnemonic.Sysret
                or Mnemonic.Sysretq or Mnemonic.Sysexit or Mnemonic.Sysexitq or Mnemonic.Invpcid or Mnemonic.Sgdt or Mnemonic.Sidt
                or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw or Mnemonic.Xsetbv:
                return &MiscellaneousInstructions.Privileged;
            case Mnemonic.Sysenter or Mnemonic.Monitor or Mnemonic.Mwait or Mnemonic.Vmcall or Mnemonic.Vmmcall or Mnemonic.Rsm or Mnemonic.Clac
                or Mnemonic.Stac:
                return &MiscellaneousInstructions.Undefined;
            default:
                if (instruction.ConditionCode == ConditionCode.None || instruction.FlowControl != FlowControl.Next)
                    return null;
                return instruction.OpCount == 1 ? &MiscellaneousInstructions.ConditionalSet
                    : instruction.OpCount == 2 && Registers.IsGeneral(instruction.Op0Register) ? &MiscellaneousInstructions.ConditionalMove
                    : null;
        }
    }

    private static bool IsSegmentMove(in Instruction instruction)
        => (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
            || (instruction.Op1Kind == OpKind.Register && instruction.Op1Register.IsSegmentRegister());

    /// <summary>A move of general registers and memory, not of control or debug registers.</summary>
    private static bool IsPlain(in Instruction instruction)
        => (instruction.Op0Kind != OpKind.Register || Registers.IsGeneral(instruction.Op0Register))
            && (instruction.Op1Kind != OpKind.Register || Registers.IsGeneral(instruction.Op1Register));

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfVectors(in Instruction instruction)
    {
        if (instruction.Encoding != EncodingKind.Legacy || UsesMmx(instruction))
            return null;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Ptest:
                return &VectorSpecials.Test;
            case Mnemonic.Pblendvb:
                return &VectorSpecials.BlendBytes;
            case Mnemonic.Blendvps:
                return &VectorSpecials.BlendSingles;
            case Mnemonic.Blendvpd:
                return &VectorSpecials.BlendDoubles;
            case Mnemonic.Maskmovdqu:
                return &VectorSpecials.StoreMasked;
            case Mnemonic.Pcmpistri or Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64:
                return &TextInstructions.Index;
            case Mnemonic.Pcmpistrm or Mnemonic.Pcmpestrm or Mnemonic.Pcmpestrm64:
                return &TextInstructions.Mask;
            case Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr:
                return &VectorInstructions.Control;
            default:
                return null;
        }
    }
}
