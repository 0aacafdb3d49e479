using Iced.Intel;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Traps;

/// <summary>Port input and output. No guest owns a port: reads give all ones, writes go nowhere; without the privilege it is a fault.</summary>
internal static class IoInstructions
{
    /// <summary>
    /// Whether the guest's I/O privilege level lets its running code use ports (and <c>cli</c>, <c>sti</c>, which then do nothing).
    /// A kernel counts as ring 1, or as ring 0 when it asked for the architecture's own level.
    /// </summary>
    public static bool MayUsePorts(Vcpu vcpu)
    {
        var kernelRing = vcpu.Domain.HasAssist(VmAssistType.ArchitecturalIopl) ? 0 : 1;
        return vcpu.Traps.Iopl >= (vcpu.Traps.InKernel ? kernelRing : 3);
    }

    public static bool TryEmulate(Vcpu vcpu, in Instruction instruction)
    {
        if (!MayUsePorts(vcpu))
            return false;
        return instruction.Mnemonic switch
        {
            Mnemonic.Out => true,
            Mnemonic.In => Input(vcpu, instruction),
            _ => TryString(vcpu, instruction),
        };
    }

    private static bool Input(Vcpu vcpu, in Instruction instruction)
    {
        ref var registers = ref vcpu.Registers;
        registers.Rax = instruction.Op0Register switch
        {
            Register.AL => registers.Rax | 0xff,
            Register.AX => registers.Rax | 0xffff,
            _ => 0xffff_ffff,
        };
        return true;
    }

    /// <summary>One iteration at a time: a repeated one is executed again until rcx is 0.</summary>
    private static bool TryString(Vcpu vcpu, in Instruction instruction)
    {
        ref var registers = ref vcpu.Registers;
        var (size, input) = instruction.Mnemonic switch
        {
            Mnemonic.Insb => (1, true),
            Mnemonic.Insw => (2, true),
            Mnemonic.Insd => (4, true),
            Mnemonic.Outsb => (1, false),
            Mnemonic.Outsw => (2, false),
            _ => (4, false),
        };
        var repeated = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        if (repeated && registers.Rcx == 0)
            return true;
        Span<byte> value = stackalloc byte[sizeof(uint)];
        value.Fill(0xff);
        var access = GuestAccess.OfCaller(vcpu);
        var moved = input ? access.TryWrite(registers.Rdi, value[..size]) : access.TryRead(registers.Rsi, value[..size]);
        if (!moved)
        {
            ExceptionExit.InjectPageFault(vcpu, input ? registers.Rdi : registers.Rsi, input ? (uint)Cpu.PageFaultError.Write : 0);
            registers.Rip -= (ulong)instruction.Length;
            return true;
        }
        var step = (registers.Rflags & 1 << 10) == 0 ? (ulong)size : (ulong)-size;
        if (input)
            registers.Rdi += step;
        else
            registers.Rsi += step;
        if (repeated && --registers.Rcx != 0)
            registers.Rip -= (ulong)instruction.Length;
        return true;
    }
}
