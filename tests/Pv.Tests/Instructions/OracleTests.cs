using System.Runtime.Versioning;
using NUnit.Framework;
using Pv.Cpu;
using Pv.Tests.Instructions.Oracle;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Instructions;

/// <summary>That the oracle says what everybody knows.</summary>
[TestFixture]
[SupportedOSPlatform("linux")]
public sealed class OracleTests
{
    private const ulong Carry = 1, Zero = 0x40, Sign = 0x80, Trap = 0x100, Direction = 0x400, OverflowFlag = 0x800;
    private ProcessorOracle _oracle = null!;

    [OneTimeSetUp]
    public void Start()
    {
        if (!ProcessorOracle.IsSupported)
            Assert.Ignore("The processor can only be asked on x86-64 Linux.");
        _oracle = new ProcessorOracle();
    }

    [OneTimeTearDown]
    public void Stop() => _oracle?.Dispose();

    private Outcome Run(Form form, Action<Row>? prepare = null)
    {
        var row = new Row(form);
        row.General[4] = Arena.Stack + 0x800;
        prepare?.Invoke(row);
        return _oracle.Run([row])[0];
    }

    [Test]
    public void AdditionSetsRegisterAndFlagsAndEndsAtTheBreakpoint()
    {
        var form = Form.Assemble(a => a.add(al, 1));
        var outcome = Run(form, row => row.General[0] = 0x11ff);
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.Breakpoint)));
            Assert.That(outcome.General[0], Is.EqualTo(0x1100));
            Assert.That(outcome.Rip, Is.EqualTo(form.Rip + (ulong)form.Code.Length + 1));
            Assert.That(outcome.Rflags & (Carry | Zero | Sign | OverflowFlag), Is.EqualTo(Carry | Zero));
        });
    }

    [Test]
    public void EveryRegisterGoesInAndComesOut()
    {
        var outcome = Run(new Form([0x90]), row =>
        {
            for (var i = 0; i < 16; i++)
                row.General[i] = 0x0102_0304_0506_0700 + (ulong)i;
            row.Rflags = 0x202 | Carry | Direction;
            row.FsBase = 0x1234_5678_9000;
            row.GsBase = 0x42;
        });
        for (var i = 0; i < 16; i++)
            Assert.That(outcome.General[i], Is.EqualTo(0x0102_0304_0506_0700 + (ulong)i));
        Assert.That(outcome.Rflags & 0xfff, Is.EqualTo(0x202 | Carry | Direction));
        Assert.That(outcome.FsBase, Is.EqualTo(0x1234_5678_9000));
        Assert.That(outcome.GsBase, Is.EqualTo(0x42));
    }

    [Test]
    public void AStoreIsSeenAndUndone()
    {
        var form = Form.Assemble(a => a.inc(__qword_ptr[rbx]));
        for (var round = 0; round < 2; round++)
        {
            var outcome = Run(form, row =>
            {
                row.General[3] = Arena.High + 16;
                row.WriteMemory(Arena.High + 16, 41, 8);
            });
            Assert.That(outcome.Memory, Is.EqualTo(new[] { new Difference(Arena.High + 16, 42) }));
        }
    }

    [Test]
    public void FaultsComeWithVectorErrorAndAddress()
    {
        var store = Form.Assemble(a => a.mov(__dword_ptr[rbx], 1));
        Assert.Multiple(() =>
        {
            Assert.That(Run(store, row => row.General[3] = Arena.ReadOnly + 4).Exit, Is.EqualTo(CpuExit.PageFault(Arena.ReadOnly + 4, 7)));
            Assert.That(Run(store, row => row.General[3] = Arena.Unmapped - 2).Exit, Is.EqualTo(CpuExit.PageFault(Arena.Unmapped, 6)).Or.EqualTo(CpuExit.PageFault(Arena.Unmapped - 2, 7)));
            Assert.That(Run(store, row => row.General[3] = Arena.LowerEnd).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection)));
            Assert.That(Run(new Form([0xf7, 0xf1])).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.DivideError)));
            Assert.That(Run(new Form([0x0f, 0x0b])).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.InvalidOpcode)));
            Assert.That(Run(new Form([0xcd, 0x55])).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection, 0x55 * 8 + 2)));
            Assert.That(Run(new Form([0xf1])).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.Debug)));
            Assert.That(Run(new Form([0x90]), row => row.Rflags |= Trap).Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.Debug)));
        });
    }

    [Test]
    public void AWildJumpIsAResultToo()
    {
        var outcome = Run(new Form([0xff, 0xe0]), row => row.General[0] = 0x4242_0000);
        Assert.That(outcome.Exit, Is.EqualTo(CpuExit.PageFault(0x4242_0000, 0x14)));
        Assert.That(outcome.Rip, Is.EqualTo(0x4242_0000));
    }

    [Test]
    public void ASystemCallIsCaughtBeforeTheKernelServesIt()
    {
        if (!_oracle.CatchesSyscalls)
            Assert.Ignore("This kernel has no syscall user dispatch.");
        var outcome = Run(new Form([0x0f, 0x05]), row => row.General[0] = 60);
        Assert.That(outcome.Exit, Is.EqualTo(CpuExit.Syscall));
        Assert.That(outcome.General[1], Is.EqualTo(outcome.Rip));
    }
}
