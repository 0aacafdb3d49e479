using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Traps;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-44, XSA-136, XSA-215, XSA-339. The hypervisor puts frames on a guest's stack and takes them from there: stacks that end in its own
/// addresses, handlers that were never named, frames that are not there cost the guest alone.
/// </summary>
[TestFixture]
internal sealed class HandlerFrameBounds : AdvisoryFixture
{
    private const ulong Handler = 0x2000;

    [Test]
    public void A_frame_is_never_put_into_the_hypervisors_addresses()
    {
        var table = Machine.Core.Memory.Bytes(0, 2048 * 8).ToArray();
        foreach (var stack in new ulong[]
        {
            XenVirtualMemory.Start + 8, XenVirtualMemory.Start + 64, XenVirtualMemory.MachineToPhysicalStart + 0x1000, XenVirtualMemory.End, XenVirtualMemory.End + 40,
            0ul, 8ul, 0x0000_8000_0000_0000, 0x40_0000, ulong.MaxValue,
        })
        {
            Attacker.Caller.Registers.Rsp = stack;
            foreach (var code in new uint?[] { null, 7 })
                Assert.That(() => BounceFrame.Enter(Attacker.Caller, new GuestCallback(Handler, true), code), Throws.InstanceOf<GuestCrashException>(), $"{stack:x}");
        }
        Assert.That(Machine.Core.Memory.Bytes(0, 2048 * 8).SequenceEqual(table));
    }

    [Test]
    public void A_handler_that_was_never_named_is_not_entered()
    {
        Attacker.Caller.Registers.Rsp = 0x1800;
        Assert.That(() => EventUpcall.Deliver(Attacker.Caller), Throws.InstanceOf<GuestCrashException>());
        for (var vector = 0; vector < 256; vector++)
            Assert.That(() => ExceptionExit.Inject(Attacker.Caller, (byte)vector, null), Throws.InstanceOf<GuestCrashException>());
        // A system call without an entry is an invalid opcode, and that has no handler either.
        Attacker.Caller.Registers.Rip = 0x1000;
        Assert.That(() => UserSyscall.Deliver(Attacker.Caller), Throws.InstanceOf<GuestCrashException>());
        foreach (var type in new[] { CallbackType.Event, CallbackType.Failsafe, CallbackType.Syscall, CallbackType.Sysenter, CallbackType.Syscall32 })
            AssertRefused(Errno.EINVAL, () => Call(HypercallNumber.CallbackOp, (ulong)CallbackOperation.Unregister, new CallbackUnregister { Type = type }));
    }

    [Test]
    public void A_frame_of_iret_that_is_not_there_or_leads_nowhere_costs_the_guest()
    {
        foreach (var stack in new ulong[] { XenVirtualMemory.Start, 0x40_0000ul, 0x0000_8000_0000_0000, ulong.MaxValue, 0x1fd0ul })
        {
            Attacker.Caller.Registers.Rsp = stack;
            Assert.That(() => Attacker.Call(HypercallNumber.Iret), Throws.InstanceOf<GuestCrashException>(), $"{stack:x}");
        }
        // To user code, for which there are no page tables.
        Attacker.Put(0x800, new IretContext { Cs = 3 });
        Attacker.Caller.Registers.Rsp = 0x800;
        Assert.That(() => Attacker.Call(HypercallNumber.Iret), Throws.InstanceOf<GuestCrashException>());
        Assert.That(Attacker.Caller.Traps.InKernel);
        Assert.That(Attacker.Caller.Registers.Cr3, Is.EqualTo(Attacker.Safe[0].Address));
    }
}
