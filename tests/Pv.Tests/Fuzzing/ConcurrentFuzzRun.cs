using System.Collections.Concurrent;
using System.Diagnostics;
using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Stepping;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// Hostile domains that run: the vCPUs of two of them make their calls at once, on the threads of the machine's pCPUs, while Dom0 makes its own,
/// lets vCPUs be stopped, ends domains in the middle of their calls and makes others. Every so many calls all stop, and everything is audited.
/// </summary>
/// <remarks>
/// In turns (the deterministic mode) a seed is one history, and a failure replays; otherwise threads run as the host lets them. The calling
/// thread is Dom0.
/// </remarks>
internal sealed class ConcurrentFuzzRun : IDisposable
{
    private const int PCpus = 3, CallsBetweenDom0s = 20, CallsOfCodeBetweenAudits = 100;
    private const string FaultOfOurs = "a fault of the hypervisor";

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(3);

    private readonly TestMachine _machine;
    private readonly Stepper? _stepper;
    private readonly ulong _seed;
    private readonly bool _runsCode, _isAlone;
    private readonly FuzzDomain[] _domains = new FuzzDomain[2];
    private readonly ConcurrentDictionary<(DomId Domain, VcpuId Vcpu), FuzzVcpu> _vcpus = [];
    // What the larger of the domains takes, with what the hypervisor shares with it.
    private const ulong MostFramesOfOne = 128;

    private readonly FuzzStatistics _total, _statistics = new();
    private readonly Bystander _bystander;
    private readonly MachineAudit _audit;
    private readonly StillMachine? _still;
    private readonly CallGrammar _grammar;
    private readonly byte[] _hostArguments = GC.AllocateArray<byte>(CallGrammar.ArgumentBytes * 2, pinned: true);
    private readonly ulong _hostAddress;
    private Dice _dice;
    private DomId _dead;
    private volatile string? _fault;

    /// <param name="seed">What decides, as far as threads let it.</param>
    /// <param name="statistics">Where it is summed up.</param>
    /// <param name="inTurns">Threads take turns, so that the seed decides everything.</param>
    /// <param name="runsCode">The guests are machine code on the software engine; otherwise calls are made for them.</param>
    public ConcurrentFuzzRun(ulong seed, FuzzStatistics statistics, bool inTurns, bool runsCode = false)
    {
        _runsCode = runsCode;
        (_seed, _total, _dice) = (seed, statistics, new Dice(seed));
        _stepper = inTurns ? new Stepper(seed) { MostPoints = ulong.MaxValue } : null;
        // Some seeds translate soon, some late, some never; and alone on its pCPU a vCPU meets itself only.
        var (translateAfter, pcpus) = runsCode ? (_dice.Of(-1, 1, 4, 40), _dice.Of(1, PCpus)) : (0, PCpus);
        // On threads of its own Dom0 may be in the middle of a call that changes what a vCPU may reach.
        _isAlone = pcpus == 1 && inTurns;
        _machine = new TestMachine(960, pcpus, manualTime: false, stepper: _stepper,
            engine: runsCode ? memory => new WatchedEngine(new SoftwareEngine(memory, translateAfter), RunCode) : null);
        _machine.Core.Log.Written += line =>
        {
            if (line.Contains(FaultOfOurs, StringComparison.Ordinal))
                _fault ??= line;
        };
        _machine.Engine.Script = Enter;
        _bystander = new Bystander(_machine);
        using (var pin = HostPin.Of(_hostArguments))
            _hostAddress = pin.Address;
        for (var i = 0; i < _domains.Length; i++)
            _domains[i] = Make(i);
        _audit = new MachineAudit(_machine.Core);
        _still = runsCode ? new StillMachine(_machine.Core, _statistics) : null;
        _grammar = new CallGrammar(_machine.Core);
        for (var i = 0; i < _domains.Length; i++)
            Begin(i);
    }

    /// <summary>Lets there be so many calls of guests, and then ends all domains; the first thing that is wrong, or null.</summary>
    public FuzzFailure? Run(int calls)
    {
        var last = 0L;
        try
        {
            var between = _runsCode ? CallsOfCodeBetweenAudits : FuzzRun.CallsBetweenAudits;
            for (var next = between; last < calls; next += between)
            {
                if (AwaitCalls(next) is { } stuck)
                    return Failure(last, stuck);
                last = CountCalls();
                next = (int)Math.Max(next, last);
                if (Audit() is { } wrong)
                    return Failure(last, wrong);
            }
            for (var i = 0; i < _domains.Length; i++)
                End(i);
            Dom0Holds.Release(_machine);
            return Audit() is { } left ? Failure(last, left) : _machine.Core.Domains.Snapshot().Count != 2 ? Failure(last, "a domain is left") : null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return Failure(last, _fault + "\n" + failure);
        }
    }

    public void Dispose()
    {
        _machine.Core.Dispose();
        foreach (var code in _vcpus.Values)
            _statistics.Add(code.Statistics);
        _total.Add(_statistics);
    }

    private FuzzFailure Failure(long calls, string what)
    {
        const int mostOfTheLog = 4000;
        // Guests write on.
        var log = _machine.Core.Log.Read(clear: false);
        return new(_seed, calls, _stepper is null ? "threads" : "in turns", $"{what}\n{log[^Math.Min(mostOfTheLog, log.Length)..]}");
    }

    private CpuExit Enter(ScriptedVcpu vcpu, ref GuestRegisters registers)
        => _vcpus.TryGetValue((vcpu.Domain, vcpu.Id), out var calling) && !calling.IsBroken ? ((CallingVcpu)calling).Enter(ref registers) : CpuExit.Blocked;

    private CpuExit RunCode(WatchedVcpu vcpu, ref GuestRegisters registers)
        => _vcpus.TryGetValue((vcpu.Domain, vcpu.Id), out var code) && !code.IsBroken ? ((CodeVcpu)code).Run((SoftwareVcpu)vcpu.Inner, ref registers) : CpuExit.Blocked;

    private FuzzDomain Make(int index) => new(_machine, false, index == 0 ? 48 : 32, index == 0 ? 4 : 2, _runsCode);

    /// <summary>Lets a new domain run.</summary>
    private void Begin(int index)
    {
        var domain = _domains[index].Domain;
        foreach (var vcpu in domain.OnlineVcpus)
            _vcpus[(domain.Id, vcpu.Id)] = _runsCode ? new CodeVcpu(_domains[index], _domains, vcpu, _dice.Next()) { Watch = _isAlone ? _still : null } : new CallingVcpu(_domains[index], _domains, vcpu, _dice.Next());
        _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, domain.Id);
    }

    /// <summary>Ends a domain in the middle of whatever its vCPUs do.</summary>
    private void End(int index)
    {
        var domain = _domains[index].Domain;
        _machine.Destroy(domain);
        _dead = domain.Id;
        _statistics.Ends++;
        foreach (var vcpu in domain.OnlineVcpus)
        {
            if (_vcpus.TryRemove((domain.Id, vcpu.Id), out var code))
                _statistics.Add(code.Statistics);
        }
    }

    private long CountCalls() => _statistics.Calls + _vcpus.Values.Sum(vcpu => vcpu.Statistics.Calls);

    /// <summary>Is Dom0 until guests have made so many calls; what keeps them from it, or null.</summary>
    private string? AwaitCalls(long calls)
    {
        var (seen, since) = (CountCalls(), Stopwatch.GetTimestamp());
        while (seen < calls)
        {
            if ((_fault ?? _vcpus.Values.OfType<CodeVcpu>().FirstOrDefault(vcpu => vcpu.Wrong is not null)?.Wrong) is { } fault)
                return fault;
            CallOfDom0();
            for (var i = 0; i < _domains.Length; i++)
                KeepGoing(i);
            if (_stepper is not null)
                _stepper.Run(() => CountCalls() >= calls, 200_000);
            else
                AwaitSomeCalls(CountCalls() + CallsBetweenDom0s);
            var now = CountCalls();
            if (now != seen)
                (seen, since) = (now, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) > LongestWait)
                return $"no guest made a call for {LongestWait.TotalSeconds} s";
        }
        return null;
    }

    private void AwaitSomeCalls(long calls)
    {
        for (var looks = 0; looks < 100 && CountCalls() < calls; looks++)
            Thread.Yield();
    }

    /// <summary>A domain that shut itself down or can do nothing any more is replaced, or goes on; whoever waits for nothing is woken.</summary>
    private void KeepGoing(int index)
    {
        var domain = _domains[index].Domain;
        while (domain.ToolstackPauses > 0)
            _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, domain.Id);
        // Nobody brings a vCPU up when all are down.
        var isBroken = domain.OnlineVcpus.Any(vcpu => _vcpus.TryGetValue((domain.Id, vcpu.Id), out var code) && code.IsBroken)
            || !domain.OnlineVcpus.Any(vcpu => vcpu.IsOnline);
        if (isBroken || _dice.OneIn(2000) || domain.Shutdown is ShutdownReason.Crash || (domain.Shutdown is not null && _dice.OneIn(3)))
        {
            Replace(index);
            return;
        }
        if (domain.Shutdown is not null)
            _machine.ControlOrThrow(DomctlOperation.ResumeDomain, domain.Id);
        foreach (var vcpu in domain.OnlineVcpus)
        {
            if (vcpu.IsBlocked && _dice.OneIn(3))
                vcpu.Kick();
        }
    }

    private void Replace(int index)
    {
        End(index);
        Dom0Holds.Release(_machine);
        // Those that run may have taken nearly all memory, and take what comes free: then all begin anew.
        var others = Enumerable.Range(0, _domains.Length).Where(other => other != index).ToList();
        foreach (var other in others)
            _domains[other].Domain.Pause();
        if (_machine.Core.FreeFrames < MostFramesOfOne)
        {
            others.ForEach(End);
            Dom0Holds.Release(_machine);
            foreach (var other in others)
            {
                _domains[other] = Make(other);
                Begin(other);
                _domains[other].Domain.Pause();
            }
        }
        _domains[index] = Make(index);
        Begin(index);
        foreach (var other in others)
            _domains[other].Domain.Unpause();
    }

    private void CallOfDom0()
    {
        _grammar.Begin(_dice.Next(), _domains, null, _hostAddress, _dead);
        _grammar.Next();
        _grammar.Arguments.CopyTo(_hostArguments);
        var made = _grammar.Made;
        // A domain that gets no pCPU any more tests nothing.
        if (made.Label == FuzzLabels.Domctls[(int)DomctlOperation.SchedulerOp] || made.Label == FuzzLabels.Domctls[(int)DomctlOperation.SetVcpuAffinity])
            return;
        var result = _machine.Core.Dom0.Call(_grammar.Registers);
        _statistics.Note(made.Label, result, GrantStatus.Okay);
        if (made.Label == FuzzLabels.Domctls[(int)DomctlOperation.MaxMemory])
            Stopped(() => { _audit.NotePages(); return null; });
    }

    private string? Audit() => Stopped(() =>
    {
        _statistics.Audits++;
        var findings = _audit.Look();
        return _fault ?? (findings.AreNone ? _bystander.IsUntouched() ? _still?.Look(_domains, ref _dice) : "another domain's memory was changed" : findings.ToString());
    });

    /// <summary>Does something while no vCPU runs.</summary>
    private string? Stopped(Func<string?> action)
    {
        foreach (var domain in _domains)
            domain.Domain.Pause();
        var answer = action();
        foreach (var domain in _domains)
            domain.Domain.Unpause();
        return answer;
    }
}
