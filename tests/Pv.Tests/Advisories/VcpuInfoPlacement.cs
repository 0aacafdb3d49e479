using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-327. A guest says where the hypervisor shall write a vCPU's info: anywhere in a frame of its own, by whole words, and once.
/// </summary>
[TestFixture]
internal sealed class VcpuInfoPlacement : AdvisoryFixture
{
    [Test]
    public void A_place_that_is_not_a_whole_one_in_an_own_frame_is_refused()
    {
        foreach (var offset in new[] { 1u, 4u, 7u, 4096u - VcpuInfo.WireSize + 1, 4096u - VcpuInfo.WireSize + 8, 4096u, 0x8000_0000u, 0xffff_fff8u })
            AssertRefused(Errno.ENXIO, () => Register(Attacker.Frames[0], offset), $"{offset:x}");
        foreach (var frame in new[] { Neighbour.Frames[0], Attacker.Safe[0], Attacker.Safe[3], new Mfn(0), new Mfn(1ul << 40), new Mfn(ulong.MaxValue) })
            AssertRefused(Errno.EINVAL, () => Register(frame, 0), $"{frame}");
        Assert.That(Register(Attacker.Frames[0], 4096 - VcpuInfo.WireSize), Is.Zero);
        AssertRefused(Errno.EINVAL, () => Register(Attacker.Frames[1], 0), "it was placed before");
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.PinL1Table, Attacker.Frames[0].Value), "the hypervisor writes there");
    }

    [Test]
    public void A_vCPU_that_runs_keeps_its_info_where_it_is()
    {
        AssertRefused(Errno.EINVAL, () => Register(Attacker.Frames[0], 0, 0));
        AssertRefused(Errno.ENOENT, () => Register(Attacker.Frames[0], 0, 3));
    }

    [Test]
    public void Two_placements_of_the_same_info_come_one_after_the_other()
    {
        Attacker.Victim.IsOnline = false;
        Task<long> attempt;
        using (Attacker.Domain.PagingLock.Hold())
        {
            attempt = Task.Run(() => Register(Attacker.Frames[0], 0, 0));
            Assert.That(attempt.Wait(30), Is.False, "it did not wait for whoever was at it");
        }
        Assert.That(attempt.Result, Is.Zero);
        Attacker.Victim.IsOnline = true;
    }

    private long Register(Mfn frame, uint offset, uint vcpu = 1)
        => Vcpu(VcpuOperation.RegisterVcpuInfo, vcpu, new VcpuRegisterVcpuInfo { Mfn = frame, Offset = offset });
}
