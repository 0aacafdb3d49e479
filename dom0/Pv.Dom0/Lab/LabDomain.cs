using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.LabGuests;
using Pv.Machine.Gate;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>One guest of the lab, whatever runs it: commands through its control page, counters from the hypervisor.</summary>
internal abstract class LabDomain : ILabGuest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly LabMachine _machine;
    private readonly EventChannel _channel;
    private readonly ManualResetEventSlim _answered = new();
    private readonly ulong _control;
    private ulong _command;

    /// <param name="machine">Its machine.</param>
    /// <param name="engine">What runs it.</param>
    /// <param name="domain">Its number.</param>
    /// <param name="area">Its memory; the control page comes first, and has the port.</param>
    protected LabDomain(LabMachine machine, LabEngine engine, DomId domain, LabArea area)
    {
        (_machine, Engine, Domain, Area) = (machine, engine, domain, area);
        _control = area.Take(PageSize.Bytes, PageSize.Bytes);
        var port = new EventPort((uint)area.ReadWord(_control + LabControl.Port));
        _channel = machine.Kernel.Events.BindInterdomain(domain, port, _answered.Set, onlySignals: true);
        Granted = [.. Enumerable.Range(0, LabSizes.GrantedFrames).Select(_ => machine.Kernel.Grants.Grant(domain, machine.Kernel.Memory.Allocate()))];
    }

    public LabEngine Engine { get; }

    public DomId Domain { get; }

    public LabArea Area { get; }

    public IReadOnlyList<GrantRef> Granted { get; }

    public abstract ulong Window { get; }

    public abstract ulong Targets { get; }

    public abstract IReadOnlyList<ulong> Spare { get; }

    public abstract ulong SharedInfo { get; }

    public abstract ulong FrameOf(ulong address);

    public abstract ulong EntryOf(ulong address);

    public abstract LabQueue? OpenQueue();

    public LoadedProgram Load(LabProgram program)
    {
        var words = program.Steps.SelectMany(step => step).ToArray();
        var stepsAt = Area.Take(MemoryMarshal.AsBytes(words.AsSpan()));
        return new LoadedProgram(program, stepsAt, Enter(program, stepsAt));
    }

    /// <summary>Runs a program, and counts what happened until the guest sleeps again.</summary>
    public LabRun Run(LoadedProgram program, ulong rounds)
    {
        WaitUntilAsleep();
        var before = _machine.Count(Domain);
        var pause = GC.GetTotalPauseDuration();
        Area.WriteWord(_control + LabControl.Program, program.EntryAt);
        Area.WriteWord(_control + LabControl.StepCount, (ulong)program.Program.Steps.Count);
        Begin(LabTask.Program, rounds);
        Await();
        var paused = GC.GetTotalPauseDuration() - pause;
        WaitUntilAsleep();
        var after = _machine.Count(Domain);
        var ticks = Area.ReadWord(_control + LabControl.Ended) - Area.ReadWord(_control + LabControl.Started);
        return new LabRun(
            ToNanoseconds(ticks), Entries(after) - Entries(before), after.BytesIn - before.BytesIn, after.BytesOut - before.BytesOut, paused.TotalNanoseconds);
    }

    /// <summary>Tells the guest to do something, and goes on.</summary>
    public void Begin(LabTask task, ulong count)
    {
        _answered.Reset();
        Area.WriteWord(_control + LabControl.Task, (ulong)task);
        Area.WriteWord(_control + LabControl.Rounds, count);
        Area.WriteWord(_control + LabControl.Command, ++_command);
        _channel.Notify().OrThrow("EVTCHNOP_send");
    }

    /// <summary>Waits until that is done.</summary>
    public void Await() => Await(LabControl.Done, _command);

    /// <summary>Waits until the guest, with an event, has written a word of the control page.</summary>
    public void Await(int word, ulong value)
    {
        while (Area.ReadWord(_control + (ulong)word) != value)
        {
            if (!_answered.Wait(Patience))
                throw new ToolstackLabException($"The guest of the lab did not answer. {_machine.Log}");
            _answered.Reset();
        }
    }

    public void SetOperand(int operand, ulong value) => Area.WriteWord(_control + (ulong)operand, value);

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        return _machine.DisposeAsync();
    }

    /// <summary>What the guest is told to run for a program whose steps stand in its memory.</summary>
    protected abstract ulong Enter(LabProgram program, ulong stepsAt);

    /// <summary>What the guest's clock counts in, in nanoseconds.</summary>
    protected abstract double ToNanoseconds(ulong ticks);

    private static ulong Entries(VcpuCounts counts)
        => counts.Hypercalls.Values.Aggregate(0ul, (sum, count) => sum + count) + counts.Exceptions.Values.Aggregate(0ul, (sum, count) => sum + count);

    /// <summary>It answers before it sleeps: what it does on the way to bed belongs to the command before.</summary>
    private void WaitUntilAsleep()
    {
        var spins = new SpinWait();
        for (var since = Environment.TickCount64; ; spins.SpinOnce(sleep1Threshold: 50))
        {
            if (_machine.Control.GetDomainInfo(Domain) is not { } info || (info.Flags & (DomainInfoFlags.Dying | DomainInfoFlags.Shutdown)) != 0)
                throw new ToolstackLabException($"The guest of the lab has ended. {_machine.Log}");
            if ((info.Flags & DomainInfoFlags.Blocked) != 0)
                return;
            if (Environment.TickCount64 - since > Patience.TotalMilliseconds)
                throw new ToolstackLabException($"The guest of the lab does not come to rest. {_machine.Log}");
        }
    }
}
