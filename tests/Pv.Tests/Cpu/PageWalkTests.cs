using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>Translations, rights, accessed and dirty bits, faults.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class PageWalkTests(int translateAfter)
{
    private const PageFaultError User = PageFaultError.User, Present = PageFaultError.Present;
    private SmallMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new SmallMachine(translateAfter);

    [TearDown]
    public void Stop() => _machine.Dispose();

    private static CpuExit Fault(ulong address, PageFaultError error) => CpuExit.PageFault(address, (uint)error);

    private CpuExit Read()
    {
        var registers = _machine.Registers();
        return _machine.Run(a => { a.mov(rax, __[rbx]); a.int3(); }, ref registers);
    }

    private CpuExit WriteByte()
    {
        var registers = _machine.Registers();
        return _machine.Run(a => { a.mov(__byte_ptr[rbx + 8], 1); a.int3(); }, ref registers);
    }

    [TestCase(3)]
    [TestCase(2)]
    [TestCase(1)]
    [TestCase(0)]
    public void AnEntryThatIsNotPresentFaults(int level)
    {
        // Data of its own, since upper entries are shared with the code's.
        const ulong far = 0x1234_5678_9000;
        _machine.Map(far);
        _machine.Entry(far, level) &= ~SmallMachine.Present;
        var registers = _machine.Registers();
        registers.Rbx = far + 5;
        var exit = _machine.Run(a => { a.nop(); a.mov(al, __byte_ptr[rbx]); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(Fault(far + 5, User)));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 1));
            Assert.That(_machine.Vcpu.InstructionsRetired, Is.EqualTo(1));
        });
    }

    [Test]
    public void RightsOfEveryLevelCount([Values(0, 1, 2, 3)] int level)
    {
        const ulong far = 0x1234_5678_9000;
        _machine.Map(far);
        _machine.Entry(far, level) &= ~SmallMachine.Write;
        var registers = _machine.Registers();
        registers.Rbx = far;
        Assert.That(_machine.Run(a => a.inc(__dword_ptr[rbx]), ref registers), Is.EqualTo(Fault(far, User | Present | PageFaultError.Write)));
        _machine.Entry(far, level) &= ~SmallMachine.User;
        _machine.Vcpu.FlushTlb();
        Assert.That(_machine.Run(a => a.cmp(eax, __[rbx]), ref registers), Is.EqualTo(Fault(far, User | Present)));
    }

    [Test]
    public void ReadsSetAccessedAtEveryLevelAndNotDirty()
    {
        Assert.That(Read().Vector, Is.EqualTo(ExceptionVector.Breakpoint));
        Assert.Multiple(() =>
        {
            for (var level = 0; level < 4; level++)
                Assert.That(_machine.Entry(SmallMachine.Data, level) & (SmallMachine.Accessed | SmallMachine.Dirty), Is.EqualTo(SmallMachine.Accessed));
        });
    }

    [Test]
    public void AWriteAfterAReadSetsDirty()
    {
        Read();
        Assert.That(WriteByte().Vector, Is.EqualTo(ExceptionVector.Breakpoint));
        Assert.Multiple(() =>
        {
            Assert.That(_machine.Entry(SmallMachine.Data, 0) & SmallMachine.Dirty, Is.EqualTo(SmallMachine.Dirty));
            Assert.That(_machine.Entry(SmallMachine.Data, 1) & SmallMachine.Dirty, Is.Zero);
            Assert.That(_machine.Peek(SmallMachine.Data + 8), Is.EqualTo(1));
        });
    }

    [Test]
    public void ARefusedWriteLeavesTheEntryAlone()
    {
        _machine.Entry(SmallMachine.Data, 0) &= ~SmallMachine.Write;
        var before = _machine.Entry(SmallMachine.Data, 0);
        Assert.That(WriteByte(), Is.EqualTo(Fault(SmallMachine.Data + 8, User | Present | PageFaultError.Write)));
        Assert.That(_machine.Entry(SmallMachine.Data, 0), Is.EqualTo(before));
    }

    [Test]
    public void CodeMustBeExecutable()
    {
        _machine.Entry(SmallMachine.Code, 0) |= SmallMachine.NoExecute;
        var registers = _machine.Registers(SmallMachine.Code + 3);
        Assert.That(_machine.Vcpu.Run(ref registers), Is.EqualTo(Fault(SmallMachine.Code + 3, User | Present | PageFaultError.InstructionFetch)));
    }

    [Test]
    public void AFrameBeyondTheMachineIsAReservedBit()
    {
        _machine.Entry(SmallMachine.Data, 0) = new Mfn(_machine.Memory.FrameCount).Address | SmallMachine.Usual;
        Assert.That(Read(), Is.EqualTo(Fault(SmallMachine.Data, User | Present | PageFaultError.ReservedBit)));
    }

    [Test]
    public void LargePagesOfTwoMebibytes()
    {
        const ulong large = 0x7000_0000;
        _machine.Entry(large, 1) = new Mfn(512).Address | SmallMachine.Usual | SmallMachine.Large;
        var registers = _machine.Registers();
        registers.Rbx = large + 0x12_3450;
        var exit = _machine.Run(a => { a.mov(__dword_ptr[rbx], 0x77); a.mov(eax, __dword_ptr[rbx]); a.int3(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit.Vector, Is.EqualTo(ExceptionVector.Breakpoint));
            Assert.That(registers.Rax, Is.EqualTo(0x77));
            Assert.That(_machine.Memory.At<uint>(new Mfn(512).Address + 0x12_3450), Is.EqualTo(0x77));
            Assert.That(_machine.Entry(large, 1) & SmallMachine.Dirty, Is.EqualTo(SmallMachine.Dirty));
        });
        _machine.Entry(large, 1) |= 0x2000;
        _machine.Vcpu.FlushTlb();
        registers.Rip = SmallMachine.Code;
        Assert.That(_machine.Vcpu.Run(ref registers), Is.EqualTo(Fault(large + 0x12_3450, User | Present | PageFaultError.Write | PageFaultError.ReservedBit)));
    }

    [Test]
    public void AddressesMustBeCanonical()
    {
        var registers = _machine.Registers();
        registers.Rbx = 0x8000_0000_0000;
        Assert.That(_machine.Run(a => a.mov(rax, __[rbx]), ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection)));
        registers.Rsp = 0x8000_0000_0000;
        Assert.That(_machine.Run(a => a.pop(rax), ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.StackFault)));
        registers.Rip = 0x8000_0000_0000;
        Assert.That(_machine.Vcpu.Run(ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection)));
    }

    [Test]
    public void AWriteAcrossPagesTouchesNothingWhenTheSecondFaults()
    {
        var registers = _machine.Registers();
        registers.Rbx = SmallMachine.Data + 0x1ffc;
        registers.Rax = ulong.MaxValue;
        var exit = _machine.Run(a => a.mov(__[rbx], rax), ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(Fault(SmallMachine.Data + 0x2000, User | PageFaultError.Write)));
            Assert.That(_machine.Peek(SmallMachine.Data + 0x1ff8), Is.Zero);
        });
    }

    [Test]
    public void AccessesAcrossPagesReachBothFrames()
    {
        // The second page's frame is not the neighbour of the first's.
        var second = _machine.Allocate();
        second = _machine.Map(SmallMachine.Data + 0x1000, frame: second);
        var registers = _machine.Registers();
        registers.Rbx = SmallMachine.Data + 0xffd;
        registers.Rax = 0x1122_3344_5566_7788;
        _machine.Run(a => { a.mov(__[rbx], rax); a.add(__qword_ptr[rbx], 1); a.mov(rcx, __[rbx]); a.int3(); }, ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(registers.Rcx, Is.EqualTo(0x1122_3344_5566_7789));
            Assert.That(_machine.Memory.Frame(_machine.DataFrame)[0xffd], Is.EqualTo(0x89));
            Assert.That(_machine.Memory.Frame(second)[4], Is.EqualTo(0x11));
        });
    }

    [Test]
    public void AnInstructionAcrossPagesFaultsAtTheSecond()
    {
        _machine.Entry(SmallMachine.Code + 0x1000, 0) = 0;
        // The ten bytes of mov rax, imm64, of which four fit.
        foreach (var (value, place) in new byte[] { 0x48, 0xb8, 1, 2 }.Select((value, place) => (value, (ulong)place)))
            _machine.Poke(SmallMachine.Code + 0xffc + place, value);
        var registers = _machine.Registers(SmallMachine.Code + 0xffc);
        var exit = _machine.Vcpu.Run(ref registers);
        Assert.Multiple(() =>
        {
            Assert.That(exit, Is.EqualTo(Fault(SmallMachine.Code + 0x1000, User | PageFaultError.InstructionFetch)));
            Assert.That(registers.Rip, Is.EqualTo(SmallMachine.Code + 0xffc));
        });
    }

    [Test]
    public void AFlushMakesANewMappingSeen([Values] bool onePage)
    {
        Read();
        var other = _machine.Allocate();
        _machine.Memory.At<ulong>(other.Address) = 0x99;
        _machine.Map(SmallMachine.Data, frame: other);
        if (onePage)
            _machine.Vcpu.FlushPage(SmallMachine.Data);
        else
            _machine.Vcpu.FlushTlb();
        var registers = _machine.Registers();
        _machine.Vcpu.Run(ref registers);
        Assert.That(registers.Rax, Is.EqualTo(0x99));
    }

    [Test]
    public void ACodePageThatIsMappedElsewhereAfterAFlushRunsFromThere([Values] bool onePage)
    {
        var registers = _machine.Registers();
        _machine.Run(a => { a.mov(eax, 1); a.int3(); }, ref registers);
        var other = _machine.Allocate();
        _machine.Memory.Frame(_machine.CodeFrame).CopyTo(_machine.Memory.Frame(other));
        _machine.Memory.Frame(other)[1] = 2;
        _machine.Map(SmallMachine.Code, frame: other);
        if (onePage)
            _machine.Vcpu.FlushPage(SmallMachine.Code);
        else
            _machine.Vcpu.FlushTlb();
        registers = _machine.Registers();
        _machine.Vcpu.Run(ref registers);
        Assert.That(registers.Rax, Is.EqualTo(2));
    }

    [Test]
    public void RootsAreKeptApartAndAFlushOfAPageReachesAll()
    {
        var other = _machine.NewRoot();
        _machine.Map(SmallMachine.Code, frame: _machine.CodeFrame, root: other);
        var data = _machine.Map(SmallMachine.Data, root: other);
        _machine.Memory.At<ulong>(data.Address) = 5;
        Read();
        var registers = _machine.Registers();
        registers.Cr3 = other.Address;
        _machine.Vcpu.Run(ref registers);
        Assert.That(registers.Rax, Is.EqualTo(5));

        // Both roots move the page; only flushed translations show it.
        var moved = _machine.Allocate();
        _machine.Memory.At<ulong>(moved.Address) = 6;
        _machine.Map(SmallMachine.Data, frame: moved);
        _machine.Map(SmallMachine.Data, frame: moved, root: other);
        _machine.Vcpu.FlushPage(SmallMachine.Data);
        foreach (var root in new[] { _machine.Root, other })
        {
            registers = _machine.Registers();
            registers.Cr3 = root.Address;
            _machine.Vcpu.Run(ref registers);
            Assert.That(registers.Rax, Is.EqualTo(6));
        }
    }
}
