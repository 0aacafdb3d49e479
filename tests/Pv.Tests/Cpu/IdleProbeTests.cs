using NUnit.Framework;
using Pv.Cpu;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>Guests that wait by looking, and guests that compute: only the former rest.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
public sealed class IdleProbeTests(int translateAfter)
{
    private SmallMachine _machine = null!;

    [SetUp]
    public void Start() => _machine = new SmallMachine(translateAfter);

    [TearDown]
    public void Stop() => _machine.Dispose();

    [Test]
    public void ACircleThatChangesNothingIsWaiting()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                // What is written is as it was when the circle closes, though not in between.
                a.push(rbx);
                a.pop(rax);
                a.mov(__qword_ptr[rbx], 1);
                a.mov(__qword_ptr[rbx], 0);
                a.cmp(__qword_ptr[rbx + 8], 0);
                a.je(again);
                a.syscall();
            },
            ref registers);
        Assert.That(exit.Kind, Is.EqualTo(CpuExitKind.Idle));
    }

    [Test]
    public void WhatOthersWriteEndsTheCircle()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.cmp(__qword_ptr[rbx], 0);
                a.je(again);
                a.syscall();
            },
            ref registers);
        _machine.Poke(SmallMachine.Data, 1);
        Assert.Multiple(() =>
        {
            Assert.That(exit.Kind, Is.EqualTo(CpuExitKind.Idle));
            Assert.That(_machine.Vcpu.Run(ref registers), Is.EqualTo(CpuExit.Syscall));
        });
    }

    [Test]
    public void ReadingTheClockAllTheTimeIsWaiting()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.rdtsc();
                a.inc(rsi);
                a.test(rsi, rsi);
                a.jne(again);
                a.syscall();
            },
            ref registers);
        Assert.That(exit.Kind, Is.EqualTo(CpuExitKind.Idle));
    }

    [Test]
    public void CountingInARegisterIsComputing() => AssertComputes(a => a.inc(rsi));

    [Test]
    public void CountingInMemoryIsComputing() => AssertComputes(a => a.inc(__qword_ptr[rbx]));

    [Test]
    public void ReadingTheClockNowAndThenIsComputing()
    {
        var registers = _machine.Registers();
        var exit = _machine.Run(
            a =>
            {
                var (outer, inner) = (a.CreateLabel(), a.CreateLabel());
                a.mov(edi, 100);
                a.Label(ref outer);
                a.rdtsc();
                a.mov(ecx, 10_000);
                a.Label(ref inner);
                a.dec(ecx);
                a.jne(inner);
                a.dec(edi);
                a.jne(outer);
                a.syscall();
            },
            ref registers);
        Assert.That(exit, Is.EqualTo(CpuExit.Syscall));
    }

    /// <summary>Three million rounds of a loop end by themselves, not by a rest.</summary>
    private void AssertComputes(Action<Iced.Intel.Assembler> body)
    {
        var registers = _machine.Registers();
        registers.Rcx = 3_000_000;
        var exit = _machine.Run(
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                body(a);
                a.dec(rcx);
                a.jne(again);
                a.syscall();
            },
            ref registers);
        Assert.That(exit, Is.EqualTo(CpuExit.Syscall));
    }
}
