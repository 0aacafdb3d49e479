using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-29, XSA-193, XSA-212, XSA-279. An argument points into the hypervisor's own addresses, or to one that no processor translates, for every
/// call that takes a pointer.
/// </summary>
[TestFixture]
internal sealed class HypervisorAddresses : AdvisoryFixture
{
    private static readonly ulong[] Addresses =
        [XenVirtualMemory.Start, XenVirtualMemory.MachineToPhysicalStart, XenVirtualMemory.End - 1, XenVirtualMemory.Start - 1, 0x0000_7fff_ffff_ffff, 0x0000_8000_0000_0000, 1ul << 63, ulong.MaxValue];

    // Those end or stop the caller, whatever else.
    private static readonly HypercallNumber[] Calls =
        [.. Enum.GetValues<HypercallNumber>().Where(number => number is not (HypercallNumber.Iret or HypercallNumber.SchedOp or HypercallNumber.SchedOpCompat or HypercallNumber.SetCallbacks))];

    [TestCaseSource(nameof(Addresses))]
    public void Nothing_is_read_or_written_there(ulong address)
    {
        var table = Machine.Core.Memory.Bytes(0, 2048 * 8).ToArray();
        foreach (var number in Calls)
        {
            for (ulong operation = 0; operation < 30; operation++)
            {
                // Without a vCPU that is up a domain powers off.
                if (number == HypercallNumber.VcpuOp && operation == (ulong)VcpuOperation.Down)
                    continue;
                Attacker.Call(number, operation, address, 1);
                Attacker.Call(number, operation, 1, address);
                Attacker.Call(number, address, operation & 1, address, DomId.Self.Value);
            }
        }
        Assert.That(Machine.Core.Memory.Bytes(0, 2048 * 8).SequenceEqual(table), "the machine-to-physical table was written");
        Assert.That(Attacker.Domain.Shutdown ?? Neighbour.Domain.Shutdown, Is.Null);
    }

    [Test]
    public void Bases_and_handlers_are_addresses_that_exist()
    {
        foreach (var address in new[] { 0x0000_8000_0000_0000ul, 0xffff_7fff_ffff_ffffUL, 1ul << 63 })
        {
            foreach (var segment in new[] { SegmentBase.Fs, SegmentBase.GsUser, SegmentBase.GsKernel })
                AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.SetSegmentBase, (ulong)segment, address));
            for (var type = CallbackType.Event; type <= CallbackType.Syscall32; type++)
            {
                AssertRefused(() => Call(HypercallNumber.CallbackOp, (ulong)CallbackOperation.Register, new CallbackRegister { Type = type, Address = address }));
                AssertRefused(() => Call(HypercallNumber.CallbackOp, (ulong)CallbackOperation.Register, new CallbackRegister { Type = (CallbackType)99, Address = 0 }));
            }
            Attacker.Put(0x100, new TrapInfo { Vector = 3, Address = address });
            AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.SetTrapTable, 0x100));
            AssertRefused(() => Attacker.Call(HypercallNumber.SetDebugRegister, 0, address));
            AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.SetLdt, address & ~0xffful, 16));
            AssertRefused(Errno.EFAULT, () => Vcpu(VcpuOperation.RegisterRunstateMemoryArea, 1, new VcpuRegisterRunstateMemoryArea { Address = address }));
        }
        AssertRefused(() => Attacker.Call(HypercallNumber.SetDebugRegister, 0, XenVirtualMemory.Start));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.SetLdt, XenVirtualMemory.Start, 16));
        AssertRefused(Errno.EFAULT, () => Vcpu(VcpuOperation.RegisterRunstateMemoryArea, 1, new VcpuRegisterRunstateMemoryArea { Address = XenVirtualMemory.Start }));
    }
}
