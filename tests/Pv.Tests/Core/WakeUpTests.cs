using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;

namespace Pv.Tests.Core;

/// <summary>Who is woken while another domain is in the longest calls waits for the end of the stretch that is under way, and for no other.</summary>
[TestFixture]
internal sealed class WakeUpTests
{
    private const int WakeUps = 60, Tables = 100, L1Tables = 60;

    private TestMachine _machine = null!;
    private TestGuest _hostile = null!;
    private Vcpu _waiter = null!;
    private int _runs;
    private volatile int _ended;
    private volatile bool _isLetOn;

    [SetUp]
    public void Prepare()
    {
        _machine = new TestMachine(4096, manualTime: false);
        var limits = new SysctlSchedulerOp { Scheduler = SchedulerId.Credit2, Command = SysctlSchedulerCommand.PutInfo };
        // No rate limit: a vCPU that wakes need not wait for it.
        Assert.That(_machine.Core.Scheduler.Adjust(ref limits), Is.EqualTo(Errno.None));
        _hostile = new TestGuest(_machine, 200, frame => frame < Tables);
        _waiter = new TestGuest(_machine, 8).Victim;
        var chooser = _machine.Core.PreemptionChooser;
        _machine.Core.PreemptionChooser = vcpu => Look(vcpu, chooser);
    }

    [TearDown]
    public void End() => _machine.Dispose();

    [Test]
    public void Beside_a_list_of_page_table_updates()
    {
        const ulong count = 3000;
        for (var i = 0; i < (int)count; i++)
            (Word(i * 2), Word(i * 2 + 1)) = (_hostile.Frames[i % Tables].Address | (ulong)MmuUpdateKind.MachinePhysical, (ulong)i);
        WakeBeside(registers => registers with { Rax = (ulong)HypercallNumber.MmuUpdate, Rdi = 0, Rsi = count, Rdx = 0, R10 = DomId.Self.Value });
    }

    [Test]
    public void Beside_pins_of_deep_tables([Values] bool areRefused)
    {
        var root = DeepTables.Make(_hostile, Tables, L1Tables, _hostile.Frames[Tables - 1], areRefused);
        for (var i = 0; i < 2; i++)
            (Word(i * 3), Word(i * 3 + 1)) = ((ulong)(i == 0 ? MmuExtOperation.PinL4Table : MmuExtOperation.UnpinTable), root.Value);
        WakeBeside(registers => registers with { Rax = (ulong)HypercallNumber.MmuExtOp, Rdi = 0, Rsi = 2, Rdx = 0, R10 = DomId.Self.Value });
    }

    [Test]
    public void Beside_a_list_of_calls()
    {
        const ulong count = 1000;
        for (var i = 0; i < (int)count; i++)
            Word(i * 8) = (ulong)HypercallNumber.XenVersion;
        WakeBeside(registers => registers with { Rax = (ulong)HypercallNumber.Multicall, Rdi = 0, Rsi = count });
    }

    /// <summary>The hostile guest makes the call for ever, and goes on with it where it was stopped; the other one is woken now and then.</summary>
    private void WakeBeside(Func<GuestRegisters, GuestRegisters> call)
    {
        const ulong at = 0x1000, behind = at + 2;
        _machine.Engine.Script = (ScriptedVcpu vcpu, ref GuestRegisters registers) =>
        {
            if (vcpu.Domain == _waiter.Domain.Id || vcpu.Id.Value != 0)
            {
                if (vcpu.Domain == _waiter.Domain.Id && vcpu.Id.Value == 0)
                    Interlocked.Increment(ref _runs);
                return new CpuExit(CpuExitKind.Blocked);
            }
            // A call that is to go on is made again: its instruction comes once more, with other registers.
            if (registers.Rip != at)
                registers = call(registers);
            registers.Rip = behind;
            return CpuExit.Syscall;
        };
        _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, _waiter.Domain.Id);
        _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, _hostile.Domain.Id);
        var (most, inStretches) = (0, 0);
        for (var i = 0; i < WakeUps; i++)
        {
            Assert.That(SpinWait.SpinUntil(() => _waiter.IsBlocked && !_machine.Core.Scheduler.IsRunning(_waiter), 60_000), "it does not sleep");
            var before = Volatile.Read(ref _runs);
            (_ended, _isLetOn) = (0, false);
            _waiter.Kick();
            Assert.That(SpinWait.SpinUntil(() => Volatile.Read(ref _runs) != before, 60_000), "it does not wake");
            // The scheduler's own order may be another; then it is no matter of stretches.
            most = Math.Max(most, _isLetOn ? 0 : _ended);
            inStretches += _ended > 0 ? 1 : 0;
        }
        TestContext.Out.WriteLine($"of {WakeUps} wake-ups {inStretches} came in a stretch");
        Assert.That(most, Is.LessThanOrEqualTo(1), "stretches that ended until way was made");
        Assert.That(inStretches, Is.Positive);
    }

    private bool Look(Vcpu vcpu, Func<Vcpu, bool> chooser)
    {
        var isAwaited = _waiter.Unit.Queued;
        // A wake-up is whole when the run queue's lock can be had.
        if (isAwaited)
            _ = _machine.Core.Scheduler.IsRunning(_waiter);
        var isWanted = chooser(vcpu);
        if (isAwaited && isWanted)
            _ended++;
        else if (isAwaited)
            _isLetOn = true;
        return isWanted;
    }

    private ref ulong Word(int index) => ref _machine.Core.Memory.Words(_hostile.Frames[index >> 9])[index & 511];
}
