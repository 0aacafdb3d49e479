using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Scheduling;

/// <summary>CPU pools and affinity as the toolstack sees them, with Xen's errors; and vCPUs that really run where they are sent.</summary>
[TestFixture]
internal sealed class CpuPoolTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private TestMachine _machine = null!;

    [SetUp]
    public void SetUp()
    {
        _machine = new TestMachine(2048, pcpus: 4, manualTime: false);
        _machine.Engine.Script = (ScriptedVcpu vcpu, ref GuestRegisters _) => vcpu.RestUntilKicked();
    }

    [TearDown]
    public void TearDown() => _machine.Dispose();

    [Test]
    public void Pool_0_has_everything_at_first()
    {
        var (error, pool, cpus) = Info(0);

        Assert.That((error, pool.CpuPoolId, pool.Scheduler, pool.DomainCount, cpus), Is.EqualTo((Errno.None, 0u, SchedulerId.Credit2, 1u, 0b1111ul)));
        Assert.That(Info(1).Error, Is.EqualTo(Errno.ENOENT));
        Assert.That(Free(), Is.Zero);
    }

    [Test]
    public void A_pool_is_made_filled_used_emptied_and_destroyed()
    {
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 0, cpu: 3), Is.EqualTo(Errno.None));
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 0, cpu: CpuPools.Any), Is.EqualTo(Errno.None));
        Assert.That(Free(), Is.EqualTo(0b1100));
        Assert.That(Create(CpuPools.Any, SchedulerId.Credit), Is.EqualTo((Errno.None, 1u)));
        Assert.That(Do(CpuPoolOperation.AddCpu, 1, cpu: 3), Is.EqualTo(Errno.None));
        Assert.That(Do(CpuPoolOperation.AddCpu, 1, cpu: CpuPools.Any), Is.EqualTo(Errno.None));
        var guest = new TestGuest(_machine, 1);
        _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);

        Assert.That(Move(guest.Domain.Id, 1), Is.EqualTo(Errno.None));

        Assert.That(Info(1), Is.EqualTo((Errno.None, Info(1).Pool, 0b1100ul)));
        Assert.That((Info(1).Pool.Scheduler, Info(1).Pool.DomainCount, Info(0).Pool.DomainCount), Is.EqualTo((SchedulerId.Credit, 1u, 1u)));
        AssertRunsOn(guest, 0b1100);
        Assert.That(Do(CpuPoolOperation.Destroy, 1), Is.EqualTo(Errno.EBUSY));
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 1, cpu: 2), Is.EqualTo(Errno.None));
        AssertRunsOn(guest, 0b1000);
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 1, cpu: 3), Is.EqualTo(Errno.EBUSY), "the last one of a domain that lives");
        Assert.That(Move(guest.Domain.Id, 0), Is.EqualTo(Errno.None));
        AssertRunsOn(guest, 0b0011);
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 1, cpu: CpuPools.Any), Is.EqualTo(Errno.None));
        Assert.That(Do(CpuPoolOperation.Destroy, 1), Is.EqualTo(Errno.None));
        Assert.That(Info(1).Error, Is.EqualTo(Errno.ENOENT));
        _machine.Destroy(guest.Domain);
        Assert.That(Info(0).Pool.DomainCount, Is.EqualTo(1));
    }

    [Test]
    public void What_cannot_be_is_refused_as_by_xen()
    {
        Assert.That(Do(CpuPoolOperation.AddCpu, 0, cpu: 2), Is.EqualTo(Errno.ENODEV), "not free");
        Assert.That(Do(CpuPoolOperation.AddCpu, 0, cpu: 9), Is.EqualTo(Errno.EINVAL));
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 0, cpu: 9), Is.EqualTo(Errno.EINVAL));
        Assert.That(Do(CpuPoolOperation.RemoveCpu, 7, cpu: 1), Is.EqualTo(Errno.ENOENT));
        Assert.That(Do(CpuPoolOperation.Destroy, 7), Is.EqualTo(Errno.ENOENT));
        Assert.That(Do(CpuPoolOperation.Destroy, 0), Is.EqualTo(Errno.EBUSY));
        Assert.That(Create(0, SchedulerId.Credit).Error, Is.EqualTo(Errno.EEXIST));
        Assert.That(Create(CpuPools.Any, SchedulerId.Arinc653).Error, Is.EqualTo(Errno.ENOENT));
        Assert.That(Create(4, SchedulerId.Rtds), Is.EqualTo((Errno.None, 4u)));
        Assert.That(Info(1).Pool.CpuPoolId, Is.EqualTo(4), "the next one");
        var guest = new TestGuest(_machine, 1);
        Assert.That(Move(guest.Domain.Id, 4), Is.EqualTo(Errno.ENOENT), "it has no pCPU");
        Assert.That(Move(guest.Domain.Id, 5), Is.EqualTo(Errno.ENOENT));
        Assert.That(Move(new DomId(99), 0), Is.EqualTo(Errno.ESRCH));
        Assert.That(Move(DomId.Dom0, 0), Is.EqualTo(Errno.EPERM));
        _machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_vcpu_runs_where_it_is_pinned_and_the_answer_says_where_it_can()
    {
        var guest = new TestGuest(_machine, 1);
        _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);
        foreach (var wanted in new ulong[] { 0b0100, 0b0001, 0b1010, 0b1111 })
        {
            Assert.That(SetAffinity(guest.Domain.Id, VcpuAffinityFlags.Hard | VcpuAffinityFlags.Soft, wanted, 0b0110, out var hard, out var soft), Is.Zero);
            Assert.That((hard, soft), Is.EqualTo((wanted, wanted & 0b0110)));
            AssertRunsOn(guest, wanted);
        }
        Assert.That(SetAffinity(guest.Domain.Id, VcpuAffinityFlags.Hard, 0b110000, 0, out _, out _), Is.EqualTo(-(long)Errno.EINVAL));
        Assert.That(SetAffinity(guest.Domain.Id, VcpuAffinityFlags.None, 1, 0, out _, out _), Is.EqualTo(-(long)Errno.EINVAL));
        _machine.Destroy(guest.Domain);
    }

    [Test]
    public void Parameters_belong_to_the_scheduler_that_the_pool_has()
    {
        var guest = new TestGuest(_machine, 1);
        var id = guest.Domain.Id;
        var credit = new DomctlSchedulerOp { Scheduler = SchedulerId.Credit, Command = SchedulerCommand.GetInfo };
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref credit), Is.EqualTo(-(long)Errno.EINVAL));
        var put = new DomctlSchedulerOp
        {
            Scheduler = SchedulerId.Credit2, Command = SchedulerCommand.PutInfo, Credit2 = new DomctlSchedCredit2 { Weight = 512, Cap = 50 },
        };
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref put), Is.Zero);
        var get = new DomctlSchedulerOp { Scheduler = SchedulerId.Credit2, Command = SchedulerCommand.GetInfo };
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref get), Is.Zero);
        Assert.That((get.Credit2.Weight, get.Credit2.Cap), Is.EqualTo(((ushort)512, (ushort)50)));
        var pool = new SysctlSchedulerOp { Scheduler = SchedulerId.Credit2, Command = SysctlSchedulerCommand.GetInfo };
        Assert.That(_machine.Control(SysctlOperation.SchedulerOp, ref pool), Is.EqualTo(Errno.None));
        Assert.That(pool.Credit2.RateLimitMicroseconds, Is.EqualTo(1000));
        pool = pool with { CpuPoolId = 3 };
        Assert.That(_machine.Control(SysctlOperation.SchedulerOp, ref pool), Is.EqualTo(Errno.ESRCH));
        _machine.Destroy(guest.Domain);
    }

    [Test]
    public void Rtds_has_parameters_of_each_vcpu()
    {
        Do(CpuPoolOperation.RemoveCpu, 0, cpu: 3);
        Create(1, SchedulerId.Rtds);
        Do(CpuPoolOperation.AddCpu, 1, cpu: 3);
        var guest = new TestGuest(_machine, 1);
        var id = guest.Domain.Id;
        Assert.That(Move(id, 1), Is.EqualTo(Errno.None));
        DomctlSchedVcpu[] vcpus =
        [
            new() { Vcpu = new VcpuId(0), Rtds = new DomctlSchedRtds { Period = 20_000, Budget = 5_000 } },
            new() { Vcpu = new VcpuId(1), Rtds = new DomctlSchedRtds { Period = 30_000, Budget = 1_000, Flags = SchedRtdsFlags.ExtraTime } },
        ];
        var wanted = vcpus.ToArray();
        using var pin = HostPin.Of(vcpus);
        var operation = new DomctlSchedulerOp { Scheduler = SchedulerId.Rtds, Command = SchedulerCommand.PutVcpuInfo, Vcpus = pin.Address, VcpuCount = 2 };
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref operation), Is.Zero);
        vcpus[0].Rtds = vcpus[1].Rtds = default;
        operation.Command = SchedulerCommand.GetVcpuInfo;
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref operation), Is.Zero);
        Assert.That(vcpus.Select(vcpu => (vcpu.Rtds.Period, vcpu.Rtds.Budget, vcpu.Rtds.Flags)),
            Is.EqualTo(wanted.Select(vcpu => (vcpu.Rtds.Period, vcpu.Rtds.Budget, vcpu.Rtds.Flags))));
        vcpus[1].Vcpu = new VcpuId(9);
        Assert.That(_machine.Control(DomctlOperation.SchedulerOp, ref id, ref operation), Is.EqualTo(-(long)Errno.EINVAL));
        _machine.Destroy(guest.Domain);
    }

    /// <summary>Both vCPUs want to run all the time; where each ran last is where it was sent, as soon as it had its turn.</summary>
    private void AssertRunsOn(TestGuest guest, ulong cpus)
        => Assert.That(
            SpinWait.SpinUntil(() => WasOn(guest.Victim, cpus) && WasOn(guest.Caller, cpus), _patience),
            $"on {_machine.Core.Scheduler.PCpuOf(guest.Victim)} and {_machine.Core.Scheduler.PCpuOf(guest.Caller)}, wanted {cpus:b}");

    private bool WasOn(Hypervisor.Domains.Vcpu vcpu, ulong cpus) => (cpus >> _machine.Core.Scheduler.PCpuOf(vcpu) & 1) != 0;

    private Errno Do(CpuPoolOperation what, uint pool, uint cpu = 0)
    {
        var operation = new SysctlCpuPoolOp { Operation = what, CpuPoolId = pool, Cpu = cpu };
        return _machine.Control(SysctlOperation.CpuPoolOp, ref operation);
    }

    private Errno Move(DomId domain, uint pool)
    {
        var operation = new SysctlCpuPoolOp { Operation = CpuPoolOperation.MoveDomain, CpuPoolId = pool, Domain = domain.Value };
        return _machine.Control(SysctlOperation.CpuPoolOp, ref operation);
    }

    private (Errno Error, uint Id) Create(uint pool, SchedulerId scheduler)
    {
        var operation = new SysctlCpuPoolOp { Operation = CpuPoolOperation.Create, CpuPoolId = pool, Scheduler = scheduler };
        return (_machine.Control(SysctlOperation.CpuPoolOp, ref operation), operation.CpuPoolId);
    }

    private (Errno Error, SysctlCpuPoolOp Pool, ulong Cpus) Info(uint pool) => WithMap(CpuPoolOperation.Info, pool);

    private ulong Free() => WithMap(CpuPoolOperation.FreeInfo, 0).Cpus;

    private (Errno Error, SysctlCpuPoolOp Pool, ulong Cpus) WithMap(CpuPoolOperation what, uint pool)
    {
        var cpus = new ulong[1];
        using var pin = HostPin.Of(cpus);
        var operation = new SysctlCpuPoolOp { Operation = what, CpuPoolId = pool, CpuMap = new XenctlBitmap { Bitmap = pin.Address, BitCount = 4 } };
        var error = _machine.Control(SysctlOperation.CpuPoolOp, ref operation);
        operation.CpuMap = default;
        return (error, operation, cpus[0]);
    }

    private long SetAffinity(DomId domain, VcpuAffinityFlags flags, ulong hard, ulong soft, out ulong hardNow, out ulong softNow)
    {
        ulong[] sets = [hard, soft];
        using var pin = HostPin.Of(sets);
        var affinity = new DomctlVcpuAffinity
        {
            Vcpu = new VcpuId(1),
            Flags = flags,
            Hard = new XenctlBitmap { Bitmap = pin.Address, BitCount = 8 },
            Soft = new XenctlBitmap { Bitmap = pin.Address + sizeof(ulong), BitCount = 8 },
        };
        var result = _machine.Control(DomctlOperation.SetVcpuAffinity, ref domain, ref affinity);
        affinity.Vcpu = new VcpuId(0);
        _ = flags.HasFlag(VcpuAffinityFlags.Hard) && result == 0 ? _machine.Control(DomctlOperation.SetVcpuAffinity, ref domain, ref affinity) : 0;
        (hardNow, softNow) = (sets[0], sets[1]);
        return result;
    }
}
