using NUnit.Framework;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>A domain that stops to be suspended, and is told that it was not.</summary>
[TestFixture]
internal sealed class SuspendTests
{
    private TestMachine _machine = null!;
    private TestGuest _guest = null!;

    [SetUp]
    public void MakeGuest()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 4);
    }

    [TearDown]
    public void LeaveNothing()
    {
        _machine.Destroy(_guest.Domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart));
        _machine.Dispose();
    }

    [Test]
    public void A_cancelled_suspend_answers_1_and_the_domain_goes_on()
    {
        Suspend();
        Assert.That(_guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Suspend));
        var before = Context();
        var changed = before;
        changed.Registers.Rax = 1;
        Assert.That(SetContext(changed), Is.Zero);
        _machine.ControlOrThrow(DomctlOperation.ResumeDomain, _guest.Domain.Id);
        Assert.That(_guest.Domain.Shutdown, Is.Null);
        Assert.That(_guest.Caller.Registers.Rax, Is.EqualTo(1));
        var after = Context();
        after.Registers.Rax = before.Registers.Rax;
        Assert.That(Bytes(after), Is.EqualTo(Bytes(before)), "nothing else is another");
        Suspend();
        Assert.That(_guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Suspend), "it may try again");
    }

    [Test]
    public void A_code_that_was_set_before_counts_once()
    {
        _guest.Call(HypercallNumber.SchedOp, (ulong)SchedOperation.ShutdownCode, _guest.Put(0, new SchedShutdown { Reason = ShutdownReason.Reboot }));
        Suspend();
        Assert.That(_guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Reboot));
        _machine.ControlOrThrow(DomctlOperation.ResumeDomain, _guest.Domain.Id);
        Suspend();
        Assert.That(_guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Suspend));
    }

    [Test]
    public void Tables_of_a_vcpu_that_has_a_state_stay()
    {
        var context = Context();
        context.ControlRegisters[3] = _guest.Safe[4].Address;
        Assert.That(SetContext(context), Is.EqualTo(-(long)Errno.EOPNOTSUPP), "other page tables");
        context = Context();
        context.GdtEntries = 16;
        context.GdtFrames[0] = _guest.Frames[0].Value;
        Assert.That(SetContext(context), Is.EqualTo(-(long)Errno.EOPNOTSUPP), "other descriptors");
        context = Context();
        context.Registers.Rip = 0x8000_0000_0000_0000;
        Assert.That(SetContext(context), Is.EqualTo(-(long)Errno.EINVAL));
    }

    [Test]
    public void Armed_breakpoints_are_named_in_the_log_once()
    {
        const ulong control = 7, nothingArmed = 0x400, firstArmed = 0x401;
        Assert.That(_guest.Call(HypercallNumber.SetDebugRegister, control, nothingArmed), Is.Zero);
        Assert.That(_machine.Core.Log.Read(clear: false), Does.Not.Contain("breakpoints"));
        Assert.That(_guest.Call(HypercallNumber.SetDebugRegister, control, firstArmed), Is.Zero);
        Assert.That(_guest.Call(HypercallNumber.SetDebugRegister, control, firstArmed), Is.Zero);
        Assert.That(_machine.Core.Log.Read(clear: false).Split("hardware breakpoints were armed"), Has.Length.EqualTo(2));
        Assert.That(_guest.Call(HypercallNumber.GetDebugRegister, control), Is.EqualTo((long)firstArmed));
    }

    private void Suspend()
        => _guest.Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Shutdown, _guest.Put(0, new SchedShutdown { Reason = ShutdownReason.Suspend }));

    private VcpuGuestContext Context()
    {
        var contexts = new VcpuGuestContext[1];
        using var pin = HostPin.Of(contexts);
        _machine.ControlOrThrow(DomctlOperation.GetVcpuContext, _guest.Domain.Id, new DomctlVcpuContext { Vcpu = _guest.Caller.Id, Context = pin.Address });
        return contexts[0];
    }

    private long SetContext(VcpuGuestContext context)
    {
        var contexts = new[] { context };
        using var pin = HostPin.Of(contexts);
        var id = _guest.Domain.Id;
        var set = new DomctlVcpuContext { Vcpu = _guest.Caller.Id, Context = pin.Address };
        return _machine.Control(DomctlOperation.SetVcpuContext, ref id, ref set);
    }

    private static byte[] Bytes(VcpuGuestContext context)
        => System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<VcpuGuestContext>(in context)).ToArray();
}
