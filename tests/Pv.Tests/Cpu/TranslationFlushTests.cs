using NUnit.Framework;
using Pv.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>
/// The hypervisor has a vCPU forget its translations while that asks it for a descriptor: another vCPU takes a page away at that moment, and counts
/// on it that this one is not in its guest's code.
/// </summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class TranslationFlushTests(int translateAfter)
{
    private const ushort Selector = 0x1003;

    private static readonly (string Name, Action<ICpuVcpu> Flush)[] Flushes = [("all", vcpu => vcpu.FlushTlb()), ("page", vcpu => vcpu.FlushPage(SmallMachine.Data))];

    [Test]
    public void WhatIsFlushedInTheMiddleOfAnInstructionIsNotUsedByTheNextOne([Values("all", "page")] string what, [Values] bool checksAlignment)
    {
        using var machine = new SmallMachine(translateAfter);
        machine.Descriptors[Selector & ~3] = 0x00cf_f300_0000_ffff;
        var (before, after) = (machine.DataFrame, machine.Allocate());
        var registers = machine.Registers();
        machine.Assemble(a =>
        {
            a.mov(__qword_ptr[rbx], 1);
            a.mov(fs, eax);
            a.mov(__qword_ptr[rbx], 2);
            a.mov(rdx, __qword_ptr[rbx]);
            a.int3();
        });
        // First without a flush, so that it is translated where anything is.
        for (var run = 0; run < 4; run++)
        {
            machine.DescriptorRead = run < 3 ? null : () =>
            {
                machine.Map(SmallMachine.Data, frame: after);
                Flushes.Single(flush => flush.Name == what).Flush(machine.Vcpu);
            };
            registers.Rip = SmallMachine.Code;
            registers.Rax = Selector;
            registers.Rflags = checksAlignment ? 0x40202ul : 0x202;
            Assert.That(machine.Vcpu.Run(ref registers).Vector, Is.EqualTo(ExceptionVector.Breakpoint));
        }
        Assert.That((machine.Memory.Words(before)[0], machine.Memory.Words(after)[0], registers.Rdx), Is.EqualTo((1ul, 2ul, 2ul)));
    }
}
