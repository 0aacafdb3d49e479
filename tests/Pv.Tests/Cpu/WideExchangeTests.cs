using NUnit.Framework;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Hypervisor.Traps;
using Pv.Tests.Core;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary><c>cmpxchg16b</c>: what it does, that nothing of another vCPU comes between, and who is told of it.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class WideExchangeTests(int translateAfter)
{
    private const ulong AlignmentCheck = 1 << 18;
    private const uint Cx16 = 1 << 13;

    [Test]
    public void ExchangesWhenEqualAndLoadsWhenNot([Values] bool usesHostExchange, [Values] bool locked)
    {
        using var machine = new SmallMachine(translateAfter, usesHostExchange: usesHostExchange);
        var registers = machine.Registers();
        registers.Rcx = 0x1111;
        // cmpxchg16b takes the low half from rbx, so the address is in rdi.
        registers.Rdi = SmallMachine.Data;
        registers.Rbx = 0x2222;
        machine.Run(
            a =>
            {
                for (var i = 0; i < 2; i++)
                {
                    if (locked)
                        a.@lock.cmpxchg16b(__[rdi]);
                    else
                        a.cmpxchg16b(__[rdi]);
                    if (i == 0)
                        a.sete(r8b);
                }
                a.int3();
            },
            ref registers);
        Assert.Multiple(() =>
        {
            Assert.That((machine.Peek(SmallMachine.Data), machine.Peek(SmallMachine.Data + 8)), Is.EqualTo((0x2222ul, 0x1111ul)));
            Assert.That((registers.R8, registers.Rax, registers.Rdx), Is.EqualTo((1ul, 0x2222ul, 0x1111ul)));
        });
    }

    [Test]
    public void AMisalignedPlaceFaultsAndNothingIsDone([Values] bool usesHostExchange)
    {
        using var machine = new SmallMachine(translateAfter, usesHostExchange: usesHostExchange);
        var registers = machine.Registers();
        registers.Rax = 5;
        var exit = machine.Run(a => { a.stc(); a.cmpxchg16b(__[rbx + 8]); a.int3(); }, ref registers);
        Assert.That((exit, registers.Rax, registers.Rip, registers.Rflags & 1),
            Is.EqualTo((CpuExit.Exception(ExceptionVector.GeneralProtection), 5ul, SmallMachine.Code + 1, 1ul)));
    }

    /// <summary>Two vCPUs exchange 16 bytes, one of them always by the interpreter, while a third adds to the low half until they are done.</summary>
    [Test]
    public void OtherVcpusLoseNothing()
    {
        if (!SoftwareEngine.CanExchangeWide)
            Assert.Ignore("This host lends no 16-byte exchange.");
        const int exchanges = 50_000, done = 64;
        const ulong adder = SmallMachine.Code + 0x800;
        using var machine = new SmallMachine(translateAfter);
        machine.Assemble(
            a =>
            {
                var again = a.CreateLabel();
                var retry = a.CreateLabel();
                a.mov(rdi, rbx);
                a.mov(r8d, exchanges);
                a.Label(ref again);
                a.mov(rax, __[rdi]);
                a.mov(rdx, __[rdi + 8]);
                a.Label(ref retry);
                a.lea(rbx, __[rax + 1]);
                a.lea(rcx, __[rdx + 1]);
                a.@lock.cmpxchg16b(__[rdi]);
                a.jne(retry);
                a.sub(r8d, 1);
                a.jne(again);
                a.@lock.inc(__dword_ptr[rdi + done]);
                a.syscall();
            });
        machine.Assemble(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.@lock.add(__qword_ptr[rbx], 1);
                a.add(r8, 1);
                a.cmp(__dword_ptr[rbx + done], 2);
                a.jne(again);
                a.syscall();
            },
            adder);
        using var second = machine.AddVcpu(1);
        using var third = machine.AddVcpu(2);
        using var start = new Barrier(3);
        (CpuExit Exit, ulong Count) RunOn(ICpuVcpu vcpu, ulong rip, ulong flags)
        {
            var registers = machine.Registers(rip);
            registers.Rflags |= flags;
            start.SignalAndWait();
            return (vcpu.Run(ref registers), registers.R8);
        }

        var others = new[] { Task.Run(() => RunOn(second, SmallMachine.Code, AlignmentCheck)), Task.Run(() => RunOn(third, adder, 0)) };
        var first = RunOn(machine.Vcpu, SmallMachine.Code, 0);
        Task.WaitAll(others);
        Assert.Multiple(() =>
        {
            Assert.That(new[] { first.Exit, others[0].Result.Exit, others[1].Result.Exit }, Is.All.EqualTo(CpuExit.Syscall));
            Assert.That((machine.Peek(SmallMachine.Data), machine.Peek(SmallMachine.Data + 8)), Is.EqualTo((2ul * exchanges + others[1].Result.Count, 2ul * exchanges)));
        });
    }

    [TestCase(true, 1, true)]
    [TestCase(true, 2, true)]
    [TestCase(false, 1, true)]
    [TestCase(false, 2, false)]
    public void WhereItIsNotAtomicOnlySingleVcpusAreToldOfIt(bool usesHostExchange, int vcpus, bool told)
    {
        if (usesHostExchange && !SoftwareEngine.CanExchangeWide)
            Assert.Ignore("This host lends no 16-byte exchange.");
        using var small = new SmallMachine(translateAfter, usesHostExchange: usesHostExchange);
        using var machine = new TestMachine();
        machine.Engine.Features = small.Engine.FeaturesFor;
        var domain = machine.CreateDomain(16, vcpus);
        var leaf = GuestCpuid.Get(1, 0, domain.Vcpus[vcpus - 1]!);
        Assert.That((leaf.Ecx & Cx16) != 0, Is.EqualTo(told));
    }
}
