using System.Diagnostics;

namespace Pv.Hypervisor.Stepping;

/// <summary>
/// The deterministic mode. All threads of a machine run in turns: exactly one has the turn, and gives it away only at the points where the
/// core says that it may (around locks, hypercalls, copies of guest memory, between guest instructions). Who has it next and for how long a
/// seed decides, so one seed is one history, and many seeds are a search for races.
/// </summary>
/// <remarks>
/// The thread that makes the stepper has the turn first: it is the machine's Dom0 (<see cref="Run"/> lets the others go on). Time passes by
/// what is done: a nanosecond an instruction, <see cref="PointNanoseconds"/> a point; when nobody can go on, it jumps to the next deadline.
/// A core without a stepper asks one null reference at each point.
/// </remarks>
public sealed class Stepper
{
    /// <summary>How long every place takes at which the turn may change.</summary>
    public const ulong PointNanoseconds = 20;

    /// <summary>About a second of the host's.</summary>
    public const ulong UsualMostPoints = 20_000_000;

    /// <summary>The longest mean stretch between two changes of the turn, in points, as a power of two.</summary>
    private const int MostLogGap = 8;

    /// <summary>The most guest instructions between two points, as a power of two.</summary>
    private const int MostLogInstructions = 13;

    /// <summary>One in so many looks of a long hypercall finds its pCPU wanted.</summary>
    private const int PreemptionOdds = 8;

    [ThreadStatic]
    private static Strand? _current;

    private readonly Strand? _before;
    private readonly Strand _driver;
    private readonly List<Strand> _strands = [];
    private readonly List<Strand> _candidates = [];
    private readonly List<Exception> _failures = [];
    private readonly int _gap, _logInstructions;
    private SeededChoice _choice;
    private Strand _running;
    private int _untilChange;
    private bool _isStuck, _isAbandoned;
    private string _busiest = "dom0";

    /// <summary>Makes the calling thread the machine's Dom0.</summary>
    public Stepper(ulong seed)
    {
        Seed = seed;
        _choice = new SeededChoice(seed);
        Random = new Random((int)_choice.Next());
        // Some races need the turn to change at every step, others a long stretch in the middle of somebody else's: a seed has its own measure.
        _gap = 1 << _choice.Below(MostLogGap);
        _logInstructions = 1 + _choice.Below(MostLogInstructions);
        _driver = _running = new Strand(this, "dom0");
        _strands.Add(_driver);
        (_before, _current) = (_current, _driver);
        DrawGap();
    }

    public ulong Seed { get; }

    public VirtualClock Clock { get; } = new();

    /// <summary>What <c>rdrand</c> gives.</summary>
    public Random Random { get; }

    /// <summary>How many points there may be: a machine that has not come to its end by then runs in a circle.</summary>
    public ulong MostPoints { get; init; } = UsualMostPoints;

    /// <summary>How many points there were.</summary>
    public ulong Points { get; private set; }

    /// <summary>How often the turn went to another thread.</summary>
    public ulong Changes { get; private set; }

    /// <summary>A number for the order in which threads had the turn and where it changed: another number is another interleaving.</summary>
    public ulong Interleaving { get; private set; } = 0xcbf2_9ce4_8422_2325;

    /// <summary>What threads of the machine ended with that they should not have.</summary>
    public IReadOnlyList<Exception> Failures => _failures;

    /// <summary>The threads that wait in the middle of something, for a lock or for each other, and for what.</summary>
    public IEnumerable<string> Blocked
        => _strands.Where(strand => strand is { HasEnded: false, IsIdle: false, Ready: not null, Deadline: Strand.Never }).Select(Describe);

    /// <summary>Which locks of the machine are not taken, by name: how a test breaks the core, to see that the search finds it.</summary>
    internal Predicate<string> LeavesOut { get; init; } = _ => false;

    /// <summary>The machine was given up, see <see cref="Abandon"/>.</summary>
    internal bool IsAbandoned => _isAbandoned;

    /// <summary>Lets the machine go on until something is so, or so much of its time has passed. On a thread of the machine.</summary>
    /// <returns>Whether it is so.</returns>
    /// <exception cref="MachineStuckException">Nobody can go on.</exception>
    public bool Run(Func<bool> until, ulong nanoseconds) => WaitUntil(until, "what it was told to wait for", Clock.Now + nanoseconds);

    /// <summary>Lets the machine go on until nothing more happens without time passing.</summary>
    /// <param name="nanoseconds">At most so much of the machine's time; a guest may be busy for ever.</param>
    /// <returns>Whether it is quiet.</returns>
    public bool RunUntilQuiet(ulong nanoseconds)
    {
        var self = Self();
        var end = Clock.Now + nanoseconds;
        self.WaitForQuiet(end);
        Pass(self, Pick());
        self.GoOn();
        return Clock.Now < end;
    }

    /// <summary>Runs something on a thread of its own, in turns with the rest of the machine: a second one of Dom0's.</summary>
    public void Start(string name, Action body) => new CoreThread(this, name, body).Start();

    /// <summary>The turn may change here.</summary>
    internal void Point()
    {
        var self = Self();
        Points++;
        Clock.Advance(PointNanoseconds);
        if (!_isAbandoned && Points >= MostPoints)
            GiveUp(self);
        if (_isAbandoned)
            LeaveUnlessDriver(self);
        else if (--_untilChange <= 0)
            Change(self);
    }

    private void Change(Strand self)
    {
        DrawGap();
        Pass(self, Pick());
    }

    /// <summary>Others have the turn until something is so, which only what they do makes so.</summary>
    /// <returns>False when the time came first.</returns>
    internal bool WaitUntil(Func<bool> ready, string what, ulong deadline = Strand.Never, bool idle = false)
    {
        var self = Self();
        while (!ready())
        {
            if (Clock.Now >= deadline)
                return false;
            if (_isAbandoned)
                throw new StrandAbandonedException();
            self.Wait(ready, what, deadline, idle);
            Pass(self, Pick());
            self.GoOn();
            if (self == _driver && Points >= MostPoints && !_isAbandoned)
                GiveUp(self);
            if (Interlocked.Exchange(ref _isStuck, false))
                throw new MachineStuckException($"Nobody can go on: {string.Join("; ", _strands.Where(strand => !strand.HasEnded && strand != self).Select(Describe))}.");
        }
        return true;
    }

    /// <summary>Whether a long hypercall shall stop here, to go on later.</summary>
    internal bool ChoosesPreemption() => _choice.Below(PreemptionOdds) == 0;

    /// <summary>How many instructions a guest may do before the next point: seldom the same, often few.</summary>
    internal long DrawInstructions() => 1 + _choice.Below(1 << _logInstructions);

    /// <summary>The strand of the calling thread, which must have the turn.</summary>
    internal Strand Self()
        => _current is { } strand && strand == _running
            ? strand
            : throw new InvalidOperationException($"The thread \"{Thread.CurrentThread.Name}\" entered a deterministic machine out of its turn.");

    /// <summary>Registers a thread that will begin with <see cref="Live"/>.</summary>
    internal Strand Add(string name)
    {
        Self();
        var strand = new Strand(this, name);
        _strands.Add(strand);
        return strand;
    }

    /// <summary>A thread's whole life: waits for its first turn, and gives the last one away.</summary>
    internal void Live(Strand strand, Action body)
    {
        strand.Turn.Wait(soon: false);
        _current = strand;
        try
        {
            if (!_isAbandoned)
                body();
        }
        catch (StrandAbandonedException)
        {
            // It waited for what will not come.
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            _failures.Add(failure);
        }
        _current = null;
        strand.HasEnded = true;
        Give(Pick());
    }

    /// <summary>
    /// The machine ends in the middle of everything: whoever waits is thrown out of what it does, until all but the calling thread have ended.
    /// </summary>
    internal void Abandon()
    {
        var self = Self();
        _isAbandoned = true;
        for (var i = 0; i < _strands.Count; i++)
        {
            var strand = _strands[i];
            while (strand != self && !strand.HasEnded)
            {
                self.Wait(() => strand.HasEnded, $"the end of {strand.Name}", Strand.Never);
                Pass(self, strand);
                self.GoOn();
            }
        }
    }

    /// <summary>The machine has ended; the thread that made the stepper is what it was before.</summary>
    internal void End()
    {
        if (_current == _driver)
            _current = _before;
    }

    private static string Describe(Strand strand) => $"{strand.Name} waits for {strand.WaitsFor}";

    /// <summary>There were too many points: Dom0 is told, whoever else had the turn.</summary>
    private void GiveUp(Strand self)
    {
        if (self == _driver)
            throw new MachineStuckException($"After {Points} points there is no end of it: {_busiest} had the turn.");
        _busiest = self.Name;
        Pass(self, _driver);
    }

    private void LeaveUnlessDriver(Strand self)
    {
        if (self != _driver)
            throw new StrandAbandonedException();
    }

    private void DrawGap() => _untilChange = 1 + _choice.Below(2 * _gap);

    /// <summary>Who goes on: one of those that can, or, when time must pass first, one that waits for the next time that somebody waits for.</summary>
    private Strand Pick()
    {
        if (_isAbandoned)
            return _driver;
        while (true)
        {
            _candidates.Clear();
            foreach (var strand in _strands)
            {
                if (strand.CanGoOn(Clock.Now))
                    _candidates.Add(strand);
            }
            if (_candidates.Count == 1)
                return _candidates[0];
            if (_candidates.Count > 0)
                return _candidates[_choice.Below(_candidates.Count)];
            if (_strands.Find(strand => strand is { HasEnded: false, IsLast: true }) is { } last)
                return last;
            var next = _strands.Where(strand => !strand.HasEnded).Min(strand => strand.Deadline);
            if (next == Strand.Never)
            {
                _isStuck = true;
                return _driver;
            }
            Clock.AdvanceTo(next);
        }
    }

    private void Pass(Strand self, Strand next)
    {
        if (next == self)
            return;
        Give(next);
        self.Turn.Wait(soon: false);
        Debug.Assert(_running == self, "A thread went on without the turn.");
    }

    private void Give(Strand next)
    {
        Changes++;
        Interleaving = (Interleaving ^ ((ulong)_strands.IndexOf(next) << 32 | (uint)Points)) * 0x0000_0100_0000_01b3;
        _running = next;
        next.Turn.Set();
    }
}
