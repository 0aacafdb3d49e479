using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Machine;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>Code that changes: by itself, by another vCPU, from outside.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class CodeInvalidationTests(int translateAfter)
{
    private SmallMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new SmallMachine(translateAfter);

    [TearDown]
    public void Stop() => _machine.Dispose();

    [Test]
    public void AnInstructionChangedByTheOneBeforeItRunsChanged()
    {
        var registers = _machine.Registers();
        registers.Rbx = SmallMachine.Code;
        // mov byte [rbx+d8], 2 is four bytes; the constant of the mov behind it follows at 4 + 1.
        _machine.Run(a => { a.mov(__byte_ptr[rbx + 5], 2); a.mov(eax, 1); a.int3(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(registers.Rax, Is.EqualTo(2));
            Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo(3));
        });
    }

    [Test]
    public void ALoopThatCountsInItsOwnCodeSeesEveryCount()
    {
        var registers = _machine.Registers();
        registers.Rbx = SmallMachine.Code;
        registers.Rcx = 100;
        registers.Rax = 0;
        _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.mov(edx, 0);
                a.add(eax, edx);
                a.inc(__dword_ptr[rbx + 1]);
                a.dec(ecx);
                a.jne(again);
                a.int3();
            },
            ref registers);
        Assert.That(registers.Rax, Is.EqualTo(99 * 100 / 2));
    }

    [Test]
    public void FramesThatHoldDecodedCodeBearTheMark()
    {
        Assert.That(_machine.Memory.Marks[_machine.CodeFrame], Is.EqualTo(FrameMark.None));
        var registers = _machine.Registers();
        _machine.Run(a => a.int3(), ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(_machine.Memory.Marks[_machine.CodeFrame], Is.EqualTo(FrameMark.Code));
            Assert.That(_machine.Memory.Marks[_machine.DataFrame], Is.EqualTo(FrameMark.None));
        });
    }

    [Test]
    public void AWriteFromOutsideIsSeenByTheNextRun()
    {
        var registers = _machine.Registers();
        _machine.Run(a => { a.mov(eax, 1); a.int3(); }, ref registers);
        _machine.Poke(SmallMachine.Code + 1, 9);
        registers = _machine.Registers();
        _machine.Vcpu.Run(ref registers);
        Assert.That(registers.Rax, Is.EqualTo(9));
    }

    [Test]
    public void DataBesideCodeCanBeWrittenAndKeepsTheCode()
    {
        var registers = _machine.Registers();
        registers.Rbx = SmallMachine.Code + 0x800;
        registers.Rcx = 1000;
        _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.inc(__dword_ptr[rbx]);
                a.dec(ecx);
                a.jne(again);
                a.int3();
            },
            ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(_machine.Peek(SmallMachine.Code + 0x800), Is.EqualTo(1000));
            Assert.That(_machine.Memory.Marks[_machine.CodeFrame], Is.EqualTo(FrameMark.Code));
        });
    }

    [Test]
    public void AFrameThatBecomesCodeAfterItWasWrittenDirectlyIsWatched()
    {
        // The data page is written, so that the way to it is direct, then holds code, then changes.
        _machine.Assemble(
            a =>
            {
                a.mov(__dword_ptr[rbx], 0x90c3_01b0u); // mov al, 1; ret; nop
                a.call(rbx);
                a.mov(cl, al);
                a.mov(__byte_ptr[rbx + 1], 2);
                a.call(rbx);
                a.int3();
            });
        var registers = _machine.Registers();
        registers.Rcx = 0;
        var exit = _machine.Vcpu.Run(ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit.Vector, Is.EqualTo(ExceptionVector.Breakpoint));
            Assert.That((registers.Rcx, registers.Rax & 0xff), Is.EqualTo((1ul, 2ul)));
        });
    }

    [Test]
    public void AnotherVcpusWriteIsSeen()
    {
        using var other = _machine.AddVcpu(1);
        // The other vCPU has a direct way to the frame before it becomes code.
        const ulong writer = SmallMachine.Code + 0x1000;
        _machine.Assemble(a => { a.mov(__byte_ptr[rbx + 1], cl); a.int3(); }, writer);
        _machine.Poke(SmallMachine.Data, 0xb0);
        _machine.Poke(SmallMachine.Data + 2, 0xcc);
        for (ulong value = 1; value < 4; value++)
        {
            var registers = _machine.Registers(writer);
            registers.Rcx = value;
            other.Run(ref registers);
            registers = _machine.Registers(SmallMachine.Data);
            _machine.Vcpu.Run(ref registers);
            Assert.That(registers.Rax & 0xff, Is.EqualTo(value));
        }
    }

    [Test]
    public void ADirtyLogHearsOfEveryWrite()
    {
        var heard = new List<Mfn>();
        _machine.Memory.Marks.Written += (frame, mark) =>
        {
            if ((mark & FrameMark.DirtyLog) != 0)
                heard.Add(frame);
        };
        _machine.Memory.Marks.Set(_machine.DataFrame, FrameMark.DirtyLog);
        var registers = _machine.Registers();
        _machine.Run(a => { a.mov(__byte_ptr[rbx], 1); a.inc(__dword_ptr[rbx + 4]); a.mov(eax, __[rbx]); a.int3(); }, ref registers);
        Assert.That(heard, Is.EqualTo(new[] { _machine.DataFrame, _machine.DataFrame }));
    }

    [Test]
    public void ACacheThatOverflowsStartsAnew()
    {
        // Two nops and a jump to the next instruction, over and over: a thousand blocks a page, together more than the cache holds.
        const int pages = 150;
        for (var page = 0ul; page < pages; page++)
        {
            var bytes = _machine.Memory.Words(_machine.Map(0x1000_0000 + (page << 12)));
            bytes.Fill(0x00eb_9090_00eb_9090);
        }
        _machine.Map(0x1000_0000 + ((ulong)pages << 12));
        _machine.Poke(0x1000_0000 + ((ulong)pages << 12), 0xcc);
        for (var round = 1; round <= 2; round++)
        {
            var registers = _machine.Registers(0x1000_0000);
            var exit = _machine.Vcpu.Run(ref registers);
            Assert.Multiple(() =>
            {
                Assert.That(exit.Vector, Is.EqualTo(ExceptionVector.Breakpoint));
                Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo((ulong)round * ((pages * 3072) + 1)));
            });
        }
    }

    [Test]
    public void AWriteThatIsToldToADomainWhenItHasJustEndedIsNoMatterOfIts()
    {
        // Whoever writes to a frame with code goes through the domains that there were when it began.
        var domain = (SoftwareDomain)_machine.Engine.CreateDomain(new DomId(2));
        domain.Dispose();
        Assert.That(() => domain.Written(new Mfn(5)), Throws.Nothing);
    }
}
