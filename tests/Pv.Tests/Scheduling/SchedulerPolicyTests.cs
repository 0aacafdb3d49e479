using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Scheduling;

namespace Pv.Tests.Scheduling;

/// <summary>What each policy promises, over seconds of virtual time.</summary>
[TestFixture]
internal sealed class SchedulerPolicyTests
{
    private const ulong Millisecond = 1_000_000, Second = 1000 * Millisecond;
    private const double Tolerance = 0.02;

    private static readonly SchedulerId[] _proportional = [SchedulerId.Credit, SchedulerId.Credit2];
    private static readonly SchedulerId[] _all = [SchedulerId.Credit, SchedulerId.Credit2, SchedulerId.Rtds, SchedulerId.Null];

    [TestCaseSource(nameof(_proportional))]
    public void Domains_share_by_weight(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 1);
        ushort[] weights = [128, 256, 512, 1024];
        var vcpus = weights.Select(weight => simulation.Add(Group(policy, weight))).ToArray();

        simulation.RunFor(60 * Second);

        for (var i = 0; i < weights.Length; i++)
            Assert.That(Share(vcpus[i], simulation), Is.EqualTo(weights[i] / 1920.0).Within(Tolerance * weights[i] / 1920.0), $"weight {weights[i]}");
    }

    [TestCaseSource(nameof(_proportional))]
    public void Weights_and_caps_hold_on_a_host_that_is_late(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 1) { Lateness = Late(7) };
        ushort[] weights = [128, 256, 640];
        var vcpus = weights.Select(weight => simulation.Add(Group(policy, weight))).ToArray();
        simulation.RunFor(60 * Second);
        for (var i = 0; i < weights.Length; i++)
            Assert.That(Share(vcpus[i], simulation), Is.EqualTo(weights[i] / 1024.0).Within(Tolerance * weights[i] / 1024.0), $"weight {weights[i]}");

        policy = SchedulerPolicies.Create(id)!;
        simulation = new PolicySimulation(policy, 4) { Lateness = Late(8) };
        ushort[] caps = [10, 50, 75];
        vcpus = [.. caps.Select(cap => simulation.Add(Group(policy, 256, cap)))];
        simulation.RunFor(60 * Second);
        for (var i = 0; i < caps.Length; i++)
            Assert.That(Share(vcpus[i], simulation), Is.EqualTo(caps[i] / 100.0).Within(Tolerance * caps[i] / 100.0), $"cap {caps[i]}");
    }

    [Test]
    public void Budgets_of_rtds_hold_on_a_host_that_is_late()
    {
        var policy = new Rtds();
        var simulation = new PolicySimulation(policy, 1) { Lateness = Late(9) };
        (uint Period, uint Budget)[] contracts = [(10_000, 1_500), (20_000, 4_000), (50_000, 10_000)];
        var vcpus = contracts.Select(contract => AddRealTime(policy, simulation, contract.Period, contract.Budget, extra: false)).ToArray();
        simulation.RunFor(60 * Second);
        for (var i = 0; i < contracts.Length; i++)
        {
            var due = (double)contracts[i].Budget / contracts[i].Period;
            Assert.That(Share(vcpus[i], simulation), Is.EqualTo(due).Within(Tolerance * due), $"{contracts[i]}");
        }
    }

    [TestCaseSource(nameof(_proportional))]
    public void Weights_hold_on_several_pcpus_where_no_domain_is_bound_by_its_vcpus(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 2);
        var (light, heavy) = (Group(policy, 256), Group(policy, 512));
        SimulatedVcpu[] few = [simulation.Add(light), simulation.Add(light)];
        SimulatedVcpu[] more = [simulation.Add(heavy), simulation.Add(heavy)];

        simulation.RunFor(60 * Second);

        Assert.That(few.Sum(vcpu => Share(vcpu, simulation)), Is.EqualTo(2 / 3.0).Within(Tolerance));
        Assert.That(more.Sum(vcpu => Share(vcpu, simulation)), Is.EqualTo(4 / 3.0).Within(Tolerance));
    }

    [Test]
    public void A_cap_holds_whether_others_want_the_time_or_not(
        [ValueSource(nameof(_proportional))] SchedulerId id, [Values(5, 30, 50, 150)] int cap, [Values] bool alone)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 2);
        var capped = Group(policy, 256, (ushort)cap);
        SimulatedVcpu[] own = [simulation.Add(capped), simulation.Add(capped)];
        if (!alone)
            simulation.Add(Group(policy, 64));

        simulation.RunFor(30 * Second);

        Assert.That(own.Sum(vcpu => Share(vcpu, simulation)), Is.EqualTo(cap / 100.0).Within(Tolerance * cap / 100.0));
    }

    [TestCaseSource(nameof(_proportional))]
    public void A_cap_that_is_taken_away_is_gone_at_once(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 1);
        var group = Group(policy, 256, 10);
        var vcpu = simulation.Add(group);
        simulation.RunFor(Second);
        Assert.That(Share(vcpu, simulation), Is.EqualTo(0.1).Within(0.01));
        Put(policy, group, 256, 0);
        var before = vcpu.Ran;

        simulation.RunFor(Second);

        Assert.That(vcpu.Ran - before, Is.EqualTo(Second));
    }

    [TestCaseSource(nameof(_all))]
    public void A_vcpu_runs_only_where_it_may(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 4);
        var pinned = simulation.Add(policy.CreateGroup(), allowed: 0b0010);
        var half = simulation.Add(policy.CreateGroup(), allowed: 0b1100);
        for (var i = 0; i < 6; i++)
            simulation.Add(policy.CreateGroup(), burst: 3 * Millisecond, sleep: Millisecond);

        simulation.RunFor(5 * Second);

        Assert.That(pinned.RunsOnMask, Is.EqualTo(0b0010));
        Assert.That(half.RunsOnMask & ~0b1100ul, Is.Zero);
        Assert.That(pinned.Ran, Is.GreaterThan(Second));
    }

    [TestCase(SchedulerId.Credit)]
    [TestCase(SchedulerId.Credit2)]
    [TestCase(SchedulerId.Rtds)]
    public void No_pcpu_idles_while_somebody_waits(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 3);
        var vcpus = Enumerable.Range(0, 5).Select(_ => simulation.Add(policy.CreateGroup())).ToArray();

        simulation.RunFor(10 * Second);

        Assert.That(vcpus.Sum(vcpu => (double)vcpu.Ran), Is.EqualTo(30.0 * Second).Within(0.001 * Second));
        foreach (var vcpu in vcpus)
            Assert.That(Share(vcpu, simulation), Is.EqualTo(0.6).Within(0.02));
    }

    [TestCaseSource(nameof(_proportional))]
    public void Who_sleeps_mostly_gets_what_it_wants(SchedulerId id)
    {
        var policy = SchedulerPolicies.Create(id)!;
        var simulation = new PolicySimulation(policy, 1);
        for (var i = 0; i < 4; i++)
            simulation.Add(policy.CreateGroup());
        // Wants a tenth; its share by weight would be a fifth.
        var light = simulation.Add(policy.CreateGroup(), burst: Millisecond, sleep: 9 * Millisecond);

        simulation.RunFor(30 * Second);

        Assert.That(Share(light, simulation), Is.GreaterThan(0.08));
    }

    [Test]
    public void Rtds_gives_each_vcpu_its_budget_in_its_period()
    {
        var policy = new Rtds();
        var simulation = new PolicySimulation(policy, 2);
        (uint Period, uint Budget)[] contracts = [(10_000, 4_000), (20_000, 5_000), (5_000, 1_000), (100_000, 60_000), (7_000, 2_100)];
        var vcpus = contracts.Select(contract => AddRealTime(policy, simulation, contract.Period, contract.Budget, extra: false)).ToArray();

        simulation.RunFor(20 * Second);

        for (var i = 0; i < contracts.Length; i++)
        {
            var due = (double)contracts[i].Budget / contracts[i].Period;
            Assert.That(Share(vcpus[i], simulation), Is.EqualTo(due).Within(Tolerance * due), $"{contracts[i]}");
        }
    }

    [Test]
    public void Rtds_keeps_budgets_under_those_that_take_extra_time()
    {
        var policy = new Rtds();
        var simulation = new PolicySimulation(policy, 1);
        var exact = AddRealTime(policy, simulation, 10_000, 3_000, extra: false);
        var greedy = AddRealTime(policy, simulation, 10_000, 3_000, extra: true);

        simulation.RunFor(10 * Second);

        Assert.That(Share(exact, simulation), Is.EqualTo(0.3).Within(0.006));
        Assert.That(Share(greedy, simulation), Is.EqualTo(0.7).Within(0.006));
    }

    [Test]
    public void Null_gives_each_vcpu_a_pcpu_and_lets_the_others_wait()
    {
        var policy = new NullPolicy();
        var simulation = new PolicySimulation(policy, 2);
        var vcpus = Enumerable.Range(0, 3).Select(_ => simulation.Add(policy.CreateGroup())).ToArray();

        simulation.RunFor(Second);

        Assert.That(vcpus.Select(vcpu => vcpu.Ran), Is.EqualTo(new[] { Second, Second, 0ul }));
        Assert.That(simulation.Switches, Is.EqualTo(2));
        simulation.Remove(vcpus[0]);
        simulation.RunFor(Second);
        Assert.That(vcpus[2].Ran, Is.EqualTo(Second), "the place that became free");
    }

    [Test]
    public void Parameters_that_make_no_sense_are_refused()
    {
        var rtds = new Rtds();
        var unit = rtds.CreateUnit(rtds.CreateGroup(), 0);
        foreach (var (period, budget) in new (uint, uint)[] { (9, 9), (100, 9), (100, 101), (0, 0) })
            Assert.That(rtds.Set(unit, new DomctlSchedVcpu { Rtds = new DomctlSchedRtds { Period = period, Budget = budget } }), Is.EqualTo(Errno.EINVAL));
        foreach (var rate in new uint[] { 1, 99, 500_001 })
        {
            var operation = new SysctlSchedulerOp { Command = SysctlSchedulerCommand.PutInfo, Credit2 = new SysctlCredit2Schedule { RateLimitMicroseconds = rate } };
            Assert.That(new Credit2().Adjust(ref operation), Is.EqualTo(Errno.EINVAL));
        }
        foreach (var (slice, rate) in new (uint, uint)[] { (0, 0), (1001, 0), (1, 2000) })
        {
            var operation = new SysctlSchedulerOp
            {
                Command = SysctlSchedulerCommand.PutInfo,
                Credit = new SysctlCreditSchedule { TimeSliceMilliseconds = slice, RateLimitMicroseconds = rate },
            };
            Assert.That(new Credit().Adjust(ref operation), Is.EqualTo(Errno.EINVAL));
        }
    }

    /// <summary>Mostly a tenth of a millisecond late; one time in fifty up to fifteen, as a host is that has other things to do.</summary>
    private static Func<ulong> Late(int seed)
    {
        var random = new Random(seed);
        return () => (ulong)random.NextInt64(0, (long)(random.Next(50) == 0 ? 15 * Millisecond : Millisecond / 10));
    }

    private static SchedulingGroup Group(ISchedulerPolicy policy, ushort weight, ushort cap = 0)
    {
        var group = policy.CreateGroup();
        Put(policy, group, weight, cap);
        return group;
    }

    // Weight and cap stand at the same place for both policies.
    private static void Put(ISchedulerPolicy policy, SchedulingGroup group, ushort weight, ushort cap)
    {
        var operation = new DomctlSchedulerOp { Command = SchedulerCommand.PutInfo, Credit2 = new DomctlSchedCredit2 { Weight = weight, Cap = cap } };
        Assert.That(policy.Adjust(group, [], ref operation), Is.EqualTo(Errno.None));
    }

    private static SimulatedVcpu AddRealTime(Rtds policy, PolicySimulation simulation, uint period, uint budget, bool extra)
    {
        var vcpu = simulation.Add(policy.CreateGroup());
        var parameters = new DomctlSchedVcpu
        {
            Rtds = new DomctlSchedRtds { Period = period, Budget = budget, Flags = extra ? SchedRtdsFlags.ExtraTime : SchedRtdsFlags.None },
        };
        Assert.That(policy.Set(vcpu.Unit, parameters), Is.EqualTo(Errno.None));
        return vcpu;
    }

    private static double Share(SimulatedVcpu vcpu, PolicySimulation simulation) => (double)vcpu.Ran / simulation.Now;
}
