using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;
using Pv.Tests.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-7, XSA-8. A return to an address that no processor takes must fail in the guest, not in the hypervisor, by every way back: a
/// first context, <c>iret</c> in both its forms, a handler.
/// </summary>
[TestFixture]
internal sealed class NonCanonicalReturn : AdvisoryFixture
{
    private const ulong Nowhere = 0x0000_8000_0000_0000, Handler = 0x1_2000, Stack = 0x1f00;

    [Test]
    public void No_vCPU_begins_there()
    {
        foreach (var address in new[] { Nowhere, 0xffff_7fff_ffff_ffff, 1ul << 63 })
        {
            AssertRefused(Errno.EINVAL, () => Begin(context => { context.Registers.Rip = address; return context; }));
            AssertRefused(Errno.EINVAL, () => Begin(context => { context.EventCallback = address; return context; }));
            AssertRefused(Errno.EINVAL, () => Begin(context => { context.SyscallCallback = address; return context; }));
            AssertRefused(Errno.EINVAL, () => Begin(context => { context.Traps[255].Address = address; return context; }));
            AssertRefused(Errno.EINVAL, () => Begin(context => { context.GsBaseUser = address; return context; }));
        }
    }

    [Test]
    public void A_return_from_a_handler_faults_in_the_guest()
    {
        Attacker.Caller.Traps.Table[ExceptionVector.GeneralProtection] = new TrapInfo { Vector = ExceptionVector.GeneralProtection, Address = Handler };
        Return(new IretContext { Rip = Nowhere, Cs = XenSegments.FlatCode64 & ~3u, Ss = XenSegments.FlatStack, Rsp = Stack, Rflags = 0x200 });
        Assert.That(Attacker.Caller.Registers.Rip, Is.EqualTo(Handler));
    }

    [Test]
    public void The_short_form_leaves_it_to_the_fetch_in_ring_3()
    {
        Return(new IretContext { Rip = Nowhere, Rsp = Stack, Rflags = ulong.MaxValue, Flags = (ulong)VcpuContextFlags.InSyscall });
        ref var registers = ref Attacker.Caller.Registers;
        Assert.That((registers.Cs, registers.Ss), Is.EqualTo((XenSegments.FlatCode64, XenSegments.FlatStack)));
        Assert.That(registers.Rflags & (GuestFlags.IoplMask | GuestFlags.VirtualMode), Is.Zero);
    }

    [TestCase(Nowhere), TestCase(0xffff_7fff_ffff_ffff), TestCase(1ul << 63)]
    public void Where_guest_code_gets_there_by_itself_its_processor_faults(ulong address)
    {
        foreach (var tier in new[] { Tier.Interpreted, Tier.Translated })
        {
            using var machine = new SmallMachine(tier);
            var registers = machine.Registers(address);
            Assert.That(machine.Vcpu.Run(ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection)));
            Assert.That(registers.Rip, Is.EqualTo(address));
            registers = machine.Registers();
            registers.Rax = address;
            var exit = machine.Run(code => code.jmp(rax), ref registers);
            Assert.That((exit.Kind, exit.Vector), Is.EqualTo((CpuExitKind.Exception, ExceptionVector.GeneralProtection)), "a jump");
        }
    }

    private void Return(IretContext frame)
    {
        Attacker.Put(0x800, frame);
        Attacker.Caller.Registers.Rsp = 0x800;
        var registers = new HypercallRegisters((ulong)HypercallNumber.Iret);
        Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.RegistersSet));
    }

    private long Begin(Func<VcpuGuestContext, VcpuGuestContext> change)
    {
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel };
        context.ControlRegisters[3] = Attacker.Safe[4].Address;
        // It is larger than a page, and both pages of arguments lie behind each other.
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<VcpuGuestContext>([change(context)]);
        bytes[..4096].CopyTo(Machine.Core.Memory.Frame(Attacker.Safe[8]));
        bytes[4096..].CopyTo(Machine.Core.Memory.Frame(Attacker.Safe[9]));
        return Attacker.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, 2, 0);
    }
}
