using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Tracing;

namespace Pv.Tests.Core;

/// <summary>What debug keys write to the hypervisor's log.</summary>
[TestFixture]
internal sealed class DebugKeyTests
{
    private TestMachine _machine = null!;
    private TestGuest _guest = null!;

    [SetUp]
    public void MakeGuest()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 4);
        _machine.Core.Log.Read(clear: true);
    }

    [TearDown]
    public void LeaveNothing()
    {
        _machine.Destroy(_guest.Domain);
        _machine.Dispose();
    }

    private string Press(string keys)
    {
        foreach (var key in keys)
            DebugKeys.Press(_machine.Core, key);
        return _machine.Core.Log.Read(clear: true);
    }

    [Test]
    public void Domains_are_told_with_their_vcpus_and_asked_to_tell_of_themselves()
    {
        var port = _guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindVirq, _guest.Put(0, new EventChannelBindVirq { Virq = VirtualIrq.Debug }));
        Assert.That(port, Is.Zero);
        var log = Press("q");

        var id = _guest.Domain.Id.Value;
        Assert.That(log, Does.Contain($"General information for domain {id}:").And.Contain($"nr_pages={_guest.Domain.TotalPages} "));
        Assert.That(log, Does.Contain("VCPU0: CPU0").And.Contain($"Notifying guest {id}:0 (virq 1)"));
        Assert.That(_guest.Domain.Events.IsPending(new EventPort(1)), "the guest's own interrupt");
        Assert.That(Press("e"), Does.Contain("   1 [1]: s=4 n=0 v=1"));
    }

    [Test]
    public void A_table_that_a_guest_has_filled_does_not_push_the_rest_out()
    {
        for (var i = 0; i < 100; i++)
            _guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, _guest.Put(0, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = DomId.Dom0 }));
        var log = Press("e");
        Assert.That(log, Does.Contain($"{_guest.Domain.Events.OpenPorts} open").And.Contain("and more"));
        Assert.That(log.Split('\n'), Has.Length.LessThan(100));
    }

    [Test]
    public void Time_stamp_counters_are_told_with_what_was_chosen()
    {
        _machine.ControlOrThrow(DomctlOperation.SetTscInfo, _guest.Domain.Id, new DomctlTscInfo { TscMode = 2 });
        Assert.That(Press("s"), Does.Contain("'s' pressed -> dump softtsc stats").And.Contain($"dom{_guest.Domain.Id.Value}: mode=2,khz=1000000,inc=1"));
    }

    [Test]
    public void Help_names_all_keys_and_each_writes_something()
    {
        var keys = Press("h").Split('\n').Where(line => line.Contains(" key '", StringComparison.Ordinal)).Select(line => line.Split('\'')[1][0]).ToArray();
        Assert.That(keys, Has.Length.GreaterThan(5));
        foreach (var key in keys)
            Assert.That(Press($"{key}").Split('\n'), Has.Length.GreaterThan(2), $"{key}");
        Assert.That(Press("*"), Does.Contain("'q' pressed").And.Contain("'r' pressed"));
    }

    [Test]
    public void What_is_no_key_is_named() => Assert.That(Press("Z\u0007"), Does.Contain("'Z' is no debug key").And.Contain("0x07"));
}
