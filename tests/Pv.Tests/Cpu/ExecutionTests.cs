using NUnit.Framework;
using Pv.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>Ways out of a run, interruption, single steps, segments, atomics.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class ExecutionTests(int translateAfter)
{
    private const ulong Trap = 0x100;
    private SmallMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new SmallMachine(translateAfter);

    [TearDown]
    public void Stop() => _machine.Dispose();

    [Test]
    public void SyscallLeavesAsTheProcessorDoes()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(a => { a.stc(); a.syscall(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(CpuExit.Syscall));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 3));
            Assert.That(registers.Rcx, Is.EqualTo(SmallMachine.Code + 3));
            Assert.That(registers.R11, Is.EqualTo(0x203));
            Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo(2));
        });
    }

    [Test]
    public void RetiredInstructionsAreCountedOneByOne()
    {
        var registers = _machine.Registers();
        registers.Rcx = 10;
        _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.nop();
                a.sub(ecx, 1);
                a.jne(again);
                a.xor(eax, eax);
                a.mov(rax, __[rax]);
            },
            ref registers);
        Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo(31));
    }

    [Test]
    public void AKickBeforeARunEndsItAtOnce()
    {
        var registers = _machine.Registers();
        _machine.Vcpu.Kick();
        Assert.Multiple(() =>
        {
            Assert.That(_machine.Run(a => { a.mov(eax, 1); a.int3(); }, ref registers), Is.EqualTo(CpuExit.Preempted));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code));
            Assert.That(_machine.Vcpu.InstructionsRetired, Is.Zero);
        });
        Assert.That(_machine.Vcpu.Run(ref registers).Vector, Is.EqualTo(ExceptionVector.Breakpoint));
    }

    [Test]
    public void AKickEndsALoopThatNeverEnds()
    {
        _machine.Assemble(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.inc(rcx);
                a.jmp(again);
            });
        var vcpu = _machine.Vcpu;
        var kicker = Task.Run(() =>
        {
            while (vcpu.InstructionsRetired == 0)
                Thread.Yield();
            vcpu.Kick();
        });
        var registers = _machine.Registers();
        Assert.That(vcpu.Run(ref registers), Is.EqualTo(CpuExit.Preempted));
        kicker.Wait();
    }

    [Test]
    public void AKickInsideARepeatedInstructionLeavesItBetweenIterations()
    {
        // A dirty log hears of every element on the vCPU's thread, and kicks it in the middle of the instruction.
        _machine.Memory.Marks.Set(_machine.DataFrame, Pv.Machine.FrameMark.DirtyLog);
        var writes = 0;
        _machine.Memory.Marks.Written += (_, _) =>
        {
            if (++writes == 100)
                _machine.Vcpu.Kick();
        };
        var registers = _machine.Registers();
        registers.Rdi = SmallMachine.Data;
        registers.Rcx = 4000;
        var exit = _machine.Run(a => { a.nop(); a.rep.stosb(); a.int3(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(CpuExit.Preempted));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 1));
            Assert.That(registers.Rcx, Is.InRange(1, 3900));
            Assert.That(registers.Rdi - SmallMachine.Data, Is.EqualTo(4000 - registers.Rcx));
            Assert.That((ulong)writes, Is.EqualTo(4000 - registers.Rcx));
        });
        Assert.That(_machine.Vcpu.Run(ref registers).Vector, Is.EqualTo(ExceptionVector.Breakpoint));
        Assert.That((registers.Rcx, writes), Is.EqualTo((0ul, 4000)));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(4)]
    [TestCase(8)]
    public void TheMostNegativeNumberByMinusOneIsADivideError(int size)
    {
        var registers = _machine.Registers();
        var lowest = 1ul << (8 * size - 1);
        // The dividend is twice as wide: in ah and al, dx and ax, and so on.
        (registers.Rax, registers.Rdx, registers.Rcx) = (size == 1 ? lowest << 8 : 0, size == 1 ? 0 : lowest, ulong.MaxValue);
        var exit = _machine.Run(
            a =>
            {
                switch (size)
                {
                    case 1:
                        a.idiv(cl);
                        break;
                    case 2:
                        a.idiv(cx);
                        break;
                    case 4:
                        a.idiv(ecx);
                        break;
                    default:
                        a.idiv(rcx);
                        break;
                }
            },
            ref registers);
        Assert.That(exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.DivideError)));
        Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code));
    }

    [Test]
    public void AFaultInsideARepeatedMoveLeavesRegistersBetweenIterations()
    {
        var registers = _machine.Registers();
        registers.Rsi = SmallMachine.Data;
        registers.Rdi = SmallMachine.Data + 0x1ff0;
        registers.Rcx = 100;
        var exit = _machine.Run(a => { a.nop(); a.rep.movsb(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(CpuExit.PageFault(SmallMachine.Data + 0x2000, (uint)(PageFaultError.User | PageFaultError.Write))));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 1));
            Assert.That((registers.Rcx, registers.Rsi, registers.Rdi), Is.EqualTo((84ul, SmallMachine.Data + 16, SmallMachine.Data + 0x2000)));
            Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo(1));
        });
    }

    [Test]
    public void SingleStepsTrapAfterEveryInstructionAndIteration()
    {
        _machine.Assemble(a => { a.mov(ecx, 2); a.rep.stosb(); a.nop(); });
        var registers = _machine.Registers();
        registers.Rflags |= Trap;
        registers.Rdi = SmallMachine.Data;
        var stops = new List<(ulong Rip, ulong Rcx)>();
        for (var i = 0; i < 4; i++)
        {
            Assert.That(_machine.Vcpu.Run(ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.Debug)));
            stops.Add((registers.Rip - SmallMachine.Code, registers.Rcx));
        }
        Assert.That(stops, Is.EqualTo(new[] { (5ul, 2ul), (5ul, 1ul), (7ul, 0ul), (8ul, 0ul) }));
    }

    [Test]
    public void PopfSetsTheTrapFlagFromTheNextInstructionOn()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(a => { a.push((int)(Trap | 0x202)); a.popfq(); a.nop(); a.nop(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.Debug)));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 7));
        });
    }

    [TestCase(0x00cf_f300_0000_ffff, (byte)0, 0u)]
    [TestCase(0x00cf_7300_0000_ffff, ExceptionVector.SegmentNotPresent, 0x40u)]
    [TestCase(0x00cf_9300_0000_ffff, ExceptionVector.GeneralProtection, 0x40u)]
    [TestCase(0x0000_8900_0000_ffff, ExceptionVector.GeneralProtection, 0x40u)]
    [TestCase(0x00af_f900_0000_ffff, ExceptionVector.GeneralProtection, 0x40u)]
    public void LoadingADataSegmentChecksItsDescriptor(long descriptor, byte vector, uint error)
    {
        _machine.Descriptors[0x40] = (ulong)descriptor;
        var registers = _machine.Registers();
        registers.Rax = 0x43;
        var exit = _machine.Run(a => { a.mov(ds, ax); a.syscall(); }, ref registers);
        Assert.That(exit, Is.EqualTo(vector == 0 ? CpuExit.Syscall : CpuExit.Exception(vector, error)));
        Assert.That(registers.Ds, Is.EqualTo(vector == 0 ? 0x43 : 0));
    }

    [Test]
    public void LoadingFsTakesTheBaseAndNullClearsIt()
    {
        _machine.Descriptors[0x40] = 0x12cf_f334_5678_ffff;
        var registers = _machine.Registers();
        registers.Rax = 0x43;
        _machine.Run(a => { a.mov(fs, ax); a.rdfsbase(rdx); a.xor(eax, eax); a.mov(fs, ax); a.syscall(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(registers.Rdx, Is.EqualTo(0x1234_5678));
            Assert.That((registers.Fs, registers.FsBase), Is.EqualTo(((ushort)0, 0ul)));
        });
    }

    [Test]
    public void InterruptReturnLoadsTheWholeFrame()
    {
        _machine.Descriptors[0xe030] = 0x00af_fb00_0000_ffff;
        _machine.Descriptors[0xe028] = 0x00cf_f300_0000_ffff;
        var registers = _machine.Registers();
        var exit = _machine.Run(
            a =>
            {
                var target = a.CreateLabel();
                a.push(0xe02b);
                a.push(rbx);
                a.push(0x38d5 | 0x200);
                a.push(0xe033);
                a.lea(rax, __[target]);
                a.push(rax);
                a.iretq();
                a.ud2();
                a.Label(ref target);
                a.syscall();
            },
            ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(CpuExit.Syscall));
            Assert.That(registers.Rsp, Is.EqualTo(SmallMachine.Data));
            // IF and IOPL are not the guest's to change.
            Assert.That(registers.R11, Is.EqualTo(0x0ad7));
        });
    }

    [Test]
    public void CodeOf32BitsIsRefusedWithAReason()
    {
        _machine.Descriptors[0x40] = 0x00cf_fb00_0000_ffff;
        var reasons = new List<string>();
        _machine.Engine.Unsupported += (_, _, what) => reasons.Add(what);
        var registers = _machine.Registers();
        registers.Cs = 0x43;
        Assert.Multiple(() =>
        {
            Assert.That(_machine.Run(a => a.nop(), ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.InvalidOpcode)));
            Assert.That(reasons, Is.EqualTo(new[] { "32-bit code segment 0x43" }));
        });
    }

    [Test]
    public void WhatTheHypervisorAnswersComesFromTheHost()
    {
        var registers = _machine.Registers();
        _machine.Run(
            a =>
            {
                a.rdtscp();
                a.mov(esi, eax);
                a.mov(edi, ecx);
                a.rdrand(r8);
                a.mov(eax, 4);
                a.mov(ecx, 5);
                a.cpuid();
                a.int3();
            },
            ref registers);
        Assert.That((registers.Rsi, registers.Rdi, registers.R8, registers.Rax, registers.Rcx), Is.EqualTo((0x2345_6789ul, 7ul, 0xfeedul, 5ul, 8ul)));
    }

    [Test]
    public void VectorInstructionsFaultWhileTheTaskIsSwitched()
    {
        var registers = _machine.Registers();
        registers.TaskSwitched = true;
        Assert.That(_machine.Run(a => a.movaps(xmm0, xmm1), ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.DeviceNotAvailable)));
        registers.TaskSwitched = false;
        registers.Fx[160 + 16] = 0x42;
        _machine.Assemble(a => a.int3(), SmallMachine.Code + 3);
        Assert.That(_machine.Vcpu.Run(ref registers).Vector, Is.EqualTo(ExceptionVector.Breakpoint));
        Assert.That(registers.Fx[160], Is.EqualTo(0x42));
    }

    [Test]
    public void LockedInstructionsOfTwoVcpusLoseNothing()
    {
        const int times = 20_000;
        _machine.Assemble(
            a =>
            {
                var again = a.CreateLabel();
                var retry = a.CreateLabel();
                a.mov(edi, times);
                a.Label(ref again);
                a.@lock.inc(__dword_ptr[rbx]);
                a.mov(ecx, 3);
                a.@lock.xadd(__qword_ptr[rbx + 8], rcx);
                a.mov(eax, __dword_ptr[rbx + 16]);
                a.Label(ref retry);
                a.lea(ecx, __[rax + 1]);
                a.@lock.cmpxchg(__dword_ptr[rbx + 16], ecx);
                a.jne(retry);
                a.sub(edi, 1);
                a.jne(again);
                a.int3();
            });
        using var other = _machine.AddVcpu(1);
        var start = _machine.Registers();
        var second = Task.Run(() =>
        {
            var registers = start;
            return other.Run(ref registers);
        });
        var first = start;
        var exit = _machine.Vcpu.Run(ref first);
        Assert.Multiple(() =>
        {
            Assert.That((exit.Vector, second.GetAwaiter().GetResult().Vector), Is.EqualTo((ExceptionVector.Breakpoint, ExceptionVector.Breakpoint)));
            Assert.That((_machine.Peek(SmallMachine.Data), _machine.Peek(SmallMachine.Data + 8), _machine.Peek(SmallMachine.Data + 16)),
                Is.EqualTo((2ul * times, 6ul * times, 2ul * times)));
        });
    }
}
