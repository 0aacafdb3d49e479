using System.Diagnostics;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// One seed: a fresh machine with two PV domains, an auto-translated one, Dom0 and a bystander, and calls of all of them in turns on one thread.
/// The same seed does the same, call by call. All accounts are worked out anew every thousand calls; after a refusal of a call that asked for one
/// thing they must be what they were before it.
/// </summary>
internal sealed class FuzzRun : IDisposable
{
    public const int CallsBetweenAudits = 1000;

    /// <summary>Bytes that one call may allocate: more would let a guest fill the host's memory.</summary>
    private const long MostBytes = 1 << 20;

    /// <summary>C# guests are trusted code, and their physical maps may be large.</summary>
    private const long MostBytesOfTrusted = 16 << 20;

    private const int MostEntries = 20_000, CallsOfALife = 4000;

    private static readonly long MostTicks = 20 * Stopwatch.Frequency;

    private readonly TestMachine _machine = new(960);
    private readonly ulong _seed;
    private readonly FuzzDomain[] _domains = new FuzzDomain[3];
    private readonly Bystander _bystander;
    private readonly ulong _freeAtStart;
    private readonly MachineAudit _audit;
    private readonly CallGrammar _grammar;
    private readonly byte[] _hostArguments = GC.AllocateArray<byte>(CallGrammar.ArgumentBytes * 2, pinned: true);
    private readonly ulong _hostAddress;
    private readonly Dictionary<Vcpu, HypercallRegisters> _unfinished = [];
    private Dice _dice, _preemptions;
    private int _preemptPercent;
    private DomId _dead;
    private AccountPrint? _print;
    private FrameRows? _rows;

    public FuzzRun(ulong seed, FuzzStatistics statistics)
    {
        (_seed, Statistics) = (seed, statistics);
        _machine.Core.PreemptionChooser = _ => _preemptPercent != 0 && _preemptions.Percent(_preemptPercent);
        _bystander = new Bystander(_machine);
        _freeAtStart = FreeOrDom0s;
        using (var pin = HostPin.Of(_hostArguments))
            _hostAddress = pin.Address;
        for (var i = 0; i < _domains.Length; i++)
            _domains[i] = Make(i);
        _audit = new MachineAudit(_machine.Core);
        _grammar = new CallGrammar(_machine.Core);
    }

    public FuzzStatistics Statistics { get; }

    /// <summary>What was done last.</summary>
    public string Last { get; private set; } = "";

    /// <summary>Told of every call and its answer, when somebody wants to follow; failures then say more, too.</summary>
    public Action<long, string>? Told
    {
        get;
        set
        {
            field = value;
            _rows = value is null ? null : new FrameRows(_machine.Core);
        }
    }

    /// <summary>Makes so many calls and then ends all domains; the first thing that is wrong, or null.</summary>
    public FuzzFailure? Run(int calls)
    {
        for (var step = 0L; step < calls; step++)
        {
            string? wrong;
            try
            {
                wrong = Step(step);
                // Whoever follows wants to know the very call.
                if (wrong is null && (step % CallsBetweenAudits == CallsBetweenAudits - 1 || Told is not null))
                    wrong = Audit();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                wrong = failure.ToString();
            }
            if (Told is { } told)
                told(step, Last);
            if (wrong is not null)
                return new FuzzFailure(_seed, step, Last, wrong);
        }
        return End() is { } left ? new FuzzFailure(_seed, calls, "the end", left) : null;
    }

    public void Dispose() => _machine.Core.Dispose();

    private FuzzDomain Make(int index) => index switch
    {
        0 => new FuzzDomain(_machine, false, 48, 3),
        1 => new FuzzDomain(_machine, false, 32, 2),
        _ => new FuzzDomain(_machine, true, 20, 1),
    };

    private string? Step(long step)
    {
        _dice = new Dice(_seed * 0x1_0000_0001 + (ulong)step * 0x9e37_79b9);
        _preemptions = new Dice(_dice.Next());
        // What was stopped in the middle may be gone on with by any call: only without can a refusal be held to change nothing.
        _preemptPercent = _seed % 2 == 0 ? 0 : _dice.Of(0, 0, 0, 5, 30, 90);
        if (_dice.OneIn(CallsOfALife))
            return Replace(_dice.Below(_domains.Length));
        if (_dice.OneIn(400))
        {
            _print = null;
            _machine.Advance(_dice.OneIn(8) ? _dice.Next() & 0xff_ffff_ffff : (ulong)_dice.Below(1 << 20));
        }
        if (_dice.OneIn(12))
            return CallOfDom0();
        if (_dice.OneIn(6))
            Serve(_domains[_dice.Below(_domains.Length)].Domain);
        var index = _dice.Of(0, 0, 0, 0, 1, 1, 2);
        var domain = _domains[index];
        if (_dice.OneIn(5))
            Store(domain);
        var vcpu = domain.Domain.Vcpus[_dice.Below(domain.Domain.Vcpus.Length)]!;
        if (!vcpu.IsOnline || !vcpu.IsInitialised)
        {
            // A vCPU that is down makes no calls; one is always up.
            vcpu = Array.Find(domain.Domain.Vcpus, one => one is { IsOnline: true, IsInitialised: true });
            if (vcpu is null)
                return Replace(index);
        }
        return CallOf(index, domain, vcpu);
    }

    private string? CallOf(int index, FuzzDomain domain, Vcpu vcpu)
    {
        HypercallRegisters registers;
        if (_unfinished.Remove(vcpu, out var rest))
        {
            // What follows of it is no longer known by its entries.
            _grammar.Begin(_dice.Next(), _domains, domain, 0, _dead);
            return Finish(domain, vcpu, rest, FuzzLabels.Calls[(int)Math.Min(rest.Number, 63)], false);
        }
        _grammar.Begin(_dice.Next(), _domains, domain, 0, _dead, (int)vcpu.Id.Value);
        _grammar.Next();
        registers = _grammar.Registers;
        foreach (var (label, result) in _grammar.Completions)
            Statistics.Note(label, result, GrantStatus.Okay);
        var isWritten = FuzzDomain.Write(vcpu, 0, _grammar.Arguments);
        foreach (var (address, value) in _grammar.Stores)
        {
            _print = null;
            FuzzDomain.Write(vcpu, address, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));
        }
        if (!isWritten)
        {
            Last = "a guest that cannot write its arguments any more";
            return Replace(index);
        }
        return Finish(domain, vcpu, registers, _grammar.Made.Label, true);
    }

    private string? Finish(FuzzDomain domain, Vcpu vcpu, HypercallRegisters registers, int label, bool isWhole)
    {
        var core = _machine.Core;
        var simple = isWhole && _grammar.Made.IsSimple;
        // What frames were counted after the last call that was refused still holds.
        var before = simple ? (_print ??= AccountPrint.OfFrames(core, _domains)) with { Others = AccountPrint.OfOthers(_domains, registers.Number) } : default;
        if (Told is not null)
            Last = $"{vcpu} {FuzzLabels.NameOf(label)} {registers}";
        _rows?.Take();
        HypercallResult result = default;
        var entries = 0;
        var (bytes, ticks) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
        var crashed = false;
        try
        {
            while (true)
            {
                result = core.Hypercalls.Enter(vcpu, ref registers);
                entries++;
                if (result.Outcome != HypercallOutcome.Continue && !result.Rerun)
                    break;
                if (entries == MostEntries)
                    return $"{FuzzLabels.NameOf(label)} makes no progress";
                // Others go first, or the guest never comes back to it.
                if (_dice.OneIn(6))
                {
                    if (_dice.OneIn(2))
                        _unfinished[vcpu] = registers;
                    break;
                }
            }
        }
        catch (GuestCrashException) when (registers.Number is (ulong)HypercallNumber.Iret or (ulong)HypercallNumber.Multicall)
        {
            // A guest that returns to nowhere ends itself.
            crashed = true;
        }
        ticks = Stopwatch.GetTimestamp() - ticks;
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        Statistics.NoteCost(label, ticks, bytes);
        if (entries > 1)
            Statistics.Continued++;
        var ended = !crashed && result.Outcome != HypercallOutcome.Continue && !result.Rerun;
        var status = ended && isWhole ? Learn(domain, vcpu, result) : GrantStatus.Okay;
        if (crashed)
            Statistics.NoteCrash(label);
        else
            Statistics.Note(label, result.Value, status);
        if (Told is not null)
            Last += $" -> {result.Outcome} {result.Value} {status} in {entries}";
        Settle(domain, vcpu);
        if (bytes > (domain.IsManaged ? MostBytesOfTrusted : MostBytes))
            return $"{FuzzLabels.NameOf(label)} allocated {bytes} bytes";
        if (ticks > MostTicks)
            return $"{FuzzLabels.NameOf(label)} took {ticks / Stopwatch.Frequency} s";
        var refused = ended && (result.Value < 0 || status < 0);
        // What was done may be impossible to tell: the call itself can take the page of its arguments away.
        if (!refused || !simple || !before.IsQuiet || entries > 1 || (result.Value == Errno.EFAULT.ToReturn() && _grammar.Made.Learn != Lesson.Nothing))
        {
            _print = null;
            return null;
        }
        var after = AccountPrint.Of(core, _domains, registers.Number);
        if (!after.IsQuiet)
        {
            // A large table was refused, and the rest of it is given back by later calls.
            _print = null;
            return null;
        }
        Statistics.RefusalChecks++;
        return after == before ? null
            : $"{FuzzLabels.NameOf(label)} {registers} was refused ({result.Value}, {status}), and the accounts changed{_rows?.Differences()}";
    }

    /// <summary>The vCPU is ready for its next call, whatever this one did to it.</summary>
    private static void Settle(FuzzDomain domain, Vcpu vcpu)
    {
        vcpu.EndPoll();
        if (domain.Domain.Shutdown is not null)
            domain.Domain.Resume();
        if (domain.IsManaged || !vcpu.IsInitialised)
            return;
        vcpu.Traps.InKernel = true;
        vcpu.Registers.Cr3 = vcpu.Traps.KernelTable.Address;
    }

    /// <summary>What a guest would read of the answer: ports, handles, frames. A status that refuses.</summary>
    private GrantStatus Learn(FuzzDomain domain, Vcpu vcpu, HypercallResult result)
    {
        if (_grammar.Entries.Length == 0)
            return Lessons.Take(domain, vcpu, _grammar.Made, result.Value, 0);
        if (result.Value < 0)
            return GrantStatus.Okay;
        for (var i = 0; i < _grammar.Entries.Length; i++)
        {
            var made = _grammar.Entries[i];
            long value = 0;
            if (!FuzzDomain.Read(vcpu, (ulong)CallGrammar.ResultOf(i), MemoryMarshal.AsBytes(new Span<long>(ref value))))
                break;
            // Not for the statistics: later entries may have been told to write their answers over earlier ones.
            Lessons.Take(domain, vcpu, made, value, 0);
        }
        return GrantStatus.Okay;
    }

    /// <summary>The queues of a domain get some time, as if a pCPU ran what serves them.</summary>
    private void Serve(Domain domain)
    {
        foreach (var service in domain.Services)
        {
            if (service is null || service.IsBlocked)
                continue;
            _print = null;
            for (var steps = 1 + _dice.Below(8); steps > 0 && !service.IsBlocked; steps--)
                service.Queue!.Step();
        }
    }

    private string? CallOfDom0()
    {
        _grammar.Begin(_dice.Next(), _domains, null, _hostAddress, _dead);
        _grammar.Next();
        _print = null;
        _grammar.Arguments.CopyTo(_hostArguments);
        var made = _grammar.Made;
        if (Told is not null)
            Last = $"dom0 {FuzzLabels.NameOf(made.Label)} {_grammar.Registers}";
        var ticks = Stopwatch.GetTimestamp();
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var result = _machine.Core.Dom0.Call(_grammar.Registers);
        Statistics.NoteCost(made.Label, Stopwatch.GetTimestamp() - ticks, GC.GetAllocatedBytesForCurrentThread() - bytes);
        Statistics.Note(made.Label, result, GrantStatus.Okay);
        if (made.Label == FuzzLabels.Domctls[(int)DomctlOperation.MaxMemory])
            _audit.NotePages();
        if (made.Learn == Lesson.MapHandle && result == 0)
            UnmapSoon(_hostArguments.AsSpan(made.At));
        foreach (var domain in _domains)
        {
            if (domain.Domain.Shutdown is not null)
                domain.Domain.Resume();
            // Pauses of the toolstack's add up to a limit.
            if (domain.Domain.ToolstackPauses > 200)
            {
                while (domain.Domain.ToolstackPauses > 1)
                    _machine.ControlOrThrow(DomctlOperation.UnpauseDomain, domain.Domain.Id);
            }
        }
        if (Told is not null)
            Last += $" -> {result}";
        return null;
    }

    /// <summary>Dom0 lets go of most of what it maps, or no domain would ever end.</summary>
    private void UnmapSoon(ReadOnlySpan<byte> mapped)
    {
        var map = MemoryMarshal.Read<GrantTableMapGrantRef>(mapped);
        if (map.Status != GrantStatus.Okay || !_dice.Percent(70))
            return;
        var unmap = new GrantTableUnmapGrantRef { HostAddress = map.HostAddress, Handle = map.Handle };
        HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, ref unmap, 1);
    }

    /// <summary>What a guest does without asking: it writes entries of frames that it could have mapped writable, grant entries, event words.</summary>
    private void Store(FuzzDomain domain)
    {
        Statistics.Stores++;
        _grammar.Begin(_dice.Next(), _domains, domain, 0, _dead);
        GuestStores.Store(_machine.Core, domain, _domains, domain.Domain.Vcpus[0]!, _grammar, ref _dice, alone: true);
    }

    private string? Audit()
    {
        Statistics.Audits++;
        var findings = _audit.Look();
        return findings.AreNone ? _bystander.IsUntouched() ? null : "another domain's memory was changed" : findings.ToString();
    }

    /// <summary>Ends a domain in the middle of whatever it does, and makes another in its place.</summary>
    private string? Replace(int index)
    {
        _print = null;
        _preemptPercent = 0;
        var old = _domains[index].Domain;
        foreach (var vcpu in old.OnlineVcpus)
            _unfinished.Remove(vcpu);
        _machine.Destroy(old);
        _dead = old.Id;
        Statistics.Ends++;
        if (Audit() is { } wrong)
            return $"after the end of {old.Id}: {wrong}";
        ReleaseDom0();
        try
        {
            _domains[index] = Make(index);
        }
        catch (InvalidOperationException)
        {
            // What others hold of the dead may leave too little memory: then they end, too.
            foreach (var left in _machine.Core.Domains.Snapshot().Where(left => left.Life == DomainLife.Alive && left.Id != DomId.Dom0 && left != _bystander.Domain))
                _machine.Destroy(left);
            ReleaseDom0();
            for (var i = 0; i < _domains.Length; i++)
                _domains[i] = Make(i);
            _unfinished.Clear();
        }
        return null;
    }

    /// <summary>Dom0 lets go of everything that it holds of others.</summary>
    private void ReleaseDom0() => Dom0Holds.Release(_machine);

    private ulong FreeOrDom0s => _machine.Core.FreeFrames + _machine.Dom0.TotalPages + (ulong)_machine.Dom0.XenFrames;

    private string? End()
    {
        _preemptPercent = 0;
        if (Audit() is { } wrong)
            return wrong;
        foreach (var domain in _domains)
        {
            _machine.Destroy(domain.Domain);
            Statistics.Ends++;
        }
        ReleaseDom0();
        if (Audit() is { } afterwards)
            return afterwards;
        var core = _machine.Core;
        if (core.Domains.Snapshot().Count != 2)
            return $"domains are left: {string.Join(", ", core.Domains.Snapshot().Select(domain => $"{domain.Id} {domain.Life} {domain.TotalPages} {domain.XenFrames}"))}";
        return FreeOrDom0s == _freeAtStart ? null : $"{FreeOrDom0s} frames are free or Dom0's, and {_freeAtStart} were";
    }
}
