using Iced.Intel;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Traps;

/// <summary>The privileged instructions that Xen emulates for a PV kernel, which runs in ring 3 and so faults on them.</summary>
internal static class PrivilegedInstructions
{
    private const int LongestInstruction = 15;

    // ud2, then "xen": the next instruction is to be emulated, whatever the processor would do.
    private static ReadOnlySpan<byte> ForcedPrefix => [0x0f, 0x0b, 0x78, 0x65, 0x6e];

    /// <summary>After a general protection fault. False when it is the guest's own.</summary>
    public static bool TryEmulate(Vcpu vcpu)
    {
        if (!TryDecode(vcpu, vcpu.Registers.Rip, out var instruction))
            return false;
        ref var registers = ref vcpu.Registers;
        if (instruction.Mnemonic == Mnemonic.Xsetbv && vcpu.Traps.InKernel && !ControlRegisters.HasExtendedSave(vcpu))
        {
            ExceptionExit.Inject(vcpu, ExceptionVector.InvalidOpcode, null);
            return true;
        }
        var done = instruction.Mnemonic switch
        {
            Mnemonic.In or Mnemonic.Out or Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd
                => IoInstructions.TryEmulate(vcpu, instruction),
            Mnemonic.Cli or Mnemonic.Sti => IoInstructions.MayUsePorts(vcpu),
            Mnemonic.Rdmsr => vcpu.Traps.InKernel && GuestMsrs.TryRead(vcpu),
            Mnemonic.Wrmsr => vcpu.Traps.InKernel && GuestMsrs.TryWrite(vcpu),
            Mnemonic.Mov => vcpu.Traps.InKernel && ControlRegisters.TryMove(vcpu, instruction),
            Mnemonic.Clts => vcpu.Traps.InKernel && ControlRegisters.ClearTaskSwitched(vcpu),
            Mnemonic.Wbinvd => vcpu.Traps.InKernel,
            Mnemonic.Cpuid => Cpuid(vcpu),
            Mnemonic.Xsetbv => vcpu.Traps.InKernel && ControlRegisters.TrySetExtended(vcpu),
            _ => false,
        };
        if (done)
            Complete(ref registers, instruction.Length);
        return done;
    }

    /// <summary>After an invalid opcode: the forced-emulation prefix before <c>cpuid</c>, from kernel or user code.</summary>
    public static bool TryForced(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        Span<byte> prefix = stackalloc byte[ForcedPrefix.Length];
        if (!GuestAccess.OfCaller(vcpu).TryRead(registers.Rip, prefix) || !prefix.SequenceEqual(ForcedPrefix))
            return false;
        if (!TryDecode(vcpu, registers.Rip + (ulong)prefix.Length, out var instruction) || instruction.Mnemonic != Mnemonic.Cpuid)
            return false;
        Cpuid(vcpu);
        Complete(ref registers, prefix.Length + instruction.Length);
        return true;
    }

    /// <summary>The instruction at an address of the running code. False when it cannot be read or is none.</summary>
    public static bool TryDecode(Vcpu vcpu, ulong rip, out Instruction instruction)
    {
        var bytes = new byte[LongestInstruction];
        var access = GuestAccess.OfCaller(vcpu);
        // The instruction may end right before a page that cannot be read.
        var length = 0;
        while (length < bytes.Length && access.TryRead(rip + (ulong)length, bytes.AsSpan(length, 1)))
            length++;
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes, 0, length), rip);
        decoder.Decode(out instruction);
        return !instruction.IsInvalid;
    }

    private static void Complete(ref GuestRegisters registers, int length)
    {
        registers.Rip += (ulong)length;
        registers.Rflags &= ~GuestFlags.Resume;
    }

    private static bool Cpuid(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        var leaf = GuestCpuid.Get((uint)registers.Rax, (uint)registers.Rcx, vcpu);
        (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx) = (leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx);
        return true;
    }
}
