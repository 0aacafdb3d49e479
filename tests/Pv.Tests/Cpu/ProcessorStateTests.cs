using System.Buffers.Binary;
using NUnit.Framework;
using Pv.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>What the processor of the host cannot be asked of XSAVE, since it has more components or knows other states as initial.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class ProcessorStateTests(int translateAfter)
{
    private const int HeaderOffset = 512, AreaBytes = 576, Untouched = 0x77;
    private SmallMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new SmallMachine(translateAfter);

    [TearDown]
    public void Stop() => _machine.Dispose();

    /// <summary>As after a reset.</summary>
    private GuestRegisters Registers()
    {
        var registers = _machine.Registers();
        BinaryPrimitives.WriteUInt16LittleEndian(registers.Fx, 0x37f);
        BinaryPrimitives.WriteUInt32LittleEndian(((Span<byte>)registers.Fx)[24..], 0x1f80);
        registers.Rax = 3;
        return registers;
    }

    [Test]
    public void Both_components_are_on_until_the_guest_says_otherwise()
    {
        var registers = Registers();
        _machine.Run(a => { a.xor(ecx, ecx); a.xgetbv(); a.int3(); }, ref registers);
        Assert.That((registers.Rax, registers.Rdx), Is.EqualTo((3ul, 0ul)));
        registers = Registers();
        registers.Xcr0 = 1;
        _machine.Run(a => { a.xor(ecx, ecx); a.xgetbv(); a.int3(); }, ref registers);
        Assert.That((registers.Rax, registers.Rdx), Is.EqualTo((1ul, 0ul)));
    }

    [Test]
    public void An_initial_component_is_told_in_the_header_and_left_out_by_xsaveopt()
    {
        var image = Save(a => a.xsaveopt64(__[rbx]));
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(HeaderOffset)), Is.EqualTo(0));
        Assert.That(image[0], Is.EqualTo(Untouched));
        Assert.That(image[160], Is.EqualTo(Untouched));
        image = Save(a => { a.pcmpeqd(xmm7, xmm7); a.xsaveopt64(__[rbx]); });
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(HeaderOffset)), Is.EqualTo(2));
        Assert.That(image[0], Is.EqualTo(Untouched));
        Assert.That(image[160 + (7 * 16)], Is.EqualTo(0xff));
        image = Save(a => { a.fld1(); a.xsave64(__[rbx]); });
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(HeaderOffset)), Is.EqualTo(1));
        Assert.That(image[39], Is.EqualTo(0x80));
    }

    [Test]
    public void What_is_saved_can_be_restored()
    {
        var registers = Registers();
        registers.Rbx = SmallMachine.Data;
        _machine.Memory.Bytes(_machine.DataFrame.Address, AreaBytes).Clear();
        _machine.Run(a =>
        {
            a.fldpi();
            a.fldl2e();
            a.pcmpeqd(xmm3, xmm3);
            a.xsave64(__[rbx]);
            a.fninit();
            a.pxor(xmm3, xmm3);
            a.xrstor64(__[rbx]);
            a.faddp(st1, st0);
            a.int3();
        }, ref registers);
        // π + log2(e) to 64 bits; the stack's top is register 7.
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(((ReadOnlySpan<byte>)registers.Fx)[32..]), Is.EqualTo(0x92b2_7c1b_67ba_5d49).Within(1));
        Assert.That(BinaryPrimitives.ReadUInt16LittleEndian(((ReadOnlySpan<byte>)registers.Fx)[2..]) >> 11 & 7, Is.EqualTo(7));
        Assert.That(registers.Fx[160 + (3 * 16)], Is.EqualTo(0xff));
    }

    [Test]
    public void A_switched_task_has_no_unit()
    {
        foreach (var write in new Action<Iced.Intel.Assembler>[] { a => a.fld1(), a => a.wait(), a => a.fnstsw(ax), a => a.xsave(__[rbx]), a => a.fxsave(__[rbx]) })
        {
            var registers = Registers();
            registers.Rbx = SmallMachine.Data;
            registers.TaskSwitched = true;
            Assert.That(_machine.Run(write, ref registers), Is.EqualTo(CpuExit.Exception(ExceptionVector.DeviceNotAvailable)));
        }
    }

    private byte[] Save(Action<Iced.Intel.Assembler> write)
    {
        var registers = Registers();
        registers.Rbx = SmallMachine.Data;
        var area = _machine.Memory.Bytes(_machine.DataFrame.Address, AreaBytes);
        area.Fill(Untouched);
        area[HeaderOffset..(HeaderOffset + 64)].Clear();
        _machine.Run(a => { write(a); a.int3(); }, ref registers);
        return _machine.Memory.Bytes(_machine.DataFrame.Address, AreaBytes).ToArray();
    }
}
