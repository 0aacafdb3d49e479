using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Scheduling;

/// <summary>
/// Xen's default policy: every vCPU starts with the same credit and burns it while it runs, the slower the greater its domain's weight;
/// the one with the most credit runs next; when that one has none left, all get new.
/// </summary>
/// <remarks>
/// The constants are Xen's (<c>docs/misc/xen-command-line</c>, <c>sched-credit2</c>): 10 ms of credit, at least 500 us and at most 2 ms a
/// slice, 1 ms of rate limit. All pCPUs of a pool share one run queue here, where Xen has one a socket.
/// </remarks>
public sealed class Credit2 : ISchedulerPolicy
{
    public const ushort DefaultWeight = 256;

    private const long InitialCredit = 10_000_000;
    private const long LowestCarry = -InitialCredit;
    private const long ShortestSlice = 500_000, LongestSlice = 2_000_000;
    private const ulong RateLimit = 1_000_000;

    // How much more credit a woken vCPU must have to displace one that runs: a change of vCPU is not free.
    private const long PreemptionMargin = 100_000;

    // Sorted by credit, the most first; equal ones in the order they came.
    private readonly List<Unit> _queue = [];
    private readonly List<Unit> _all = [];

    public string Name => "credit2";

    public uint Number => 6;

    public SchedulingUnit CreateUnit(Vcpu vcpu)
    {
        var unit = new Unit(vcpu);
        _all.Add(unit);
        return unit;
    }

    public void Enqueue(SchedulingUnit unit, ulong now) => Insert((Unit)unit);

    public void Dequeue(SchedulingUnit unit) => _queue.Remove((Unit)unit);

    public SchedulingUnit? Pick(int pcpu, ulong now, out ulong slice)
    {
        slice = (ulong)LongestSlice;
        var first = NextFor(pcpu, 0);
        if (first < 0)
            return null;
        var second = NextFor(pcpu, first + 1);
        if (second >= 0 && _queue[first].Yielded)
        {
            _queue[first].Yielded = false;
            (first, second) = (second, first);
        }
        var next = _queue[first];
        if (second >= 0)
            slice = (ulong)Math.Clamp(next.Credit - _queue[second].Credit, ShortestSlice, LongestSlice);
        _queue.RemoveAt(first);
        next.Yielded = false;
        if (next.Credit <= 0)
            ResetCredits();
        return next;
    }

    public void Charge(SchedulingUnit unit, ulong ran)
    {
        var own = (Unit)unit;
        own.Credit -= (long)(ran * DefaultWeight / Math.Max((ushort)1, own.Vcpu.Domain.SchedulingWeight));
    }

    public void Yield(SchedulingUnit unit) => ((Unit)unit).Yielded = true;

    public bool Preempts(SchedulingUnit woken, SchedulingUnit running, ulong ran)
    {
        var current = (Unit)running;
        var burnt = (long)(ran * DefaultWeight / Math.Max((ushort)1, current.Vcpu.Domain.SchedulingWeight));
        return ran >= RateLimit && ((Unit)woken).Credit > current.Credit - burnt + PreemptionMargin;
    }

    public void Remove(SchedulingUnit unit)
    {
        _queue.Remove((Unit)unit);
        _all.Remove((Unit)unit);
    }

    private void Insert(Unit unit)
    {
        var at = _queue.Count;
        while (at > 0 && _queue[at - 1].Credit < unit.Credit)
            at--;
        _queue.Insert(at, unit);
    }

    private int NextFor(int pcpu, int from)
    {
        for (var i = from; i < _queue.Count; i++)
        {
            if ((_queue[i].HardAffinity >> pcpu & 1) != 0)
                return i;
        }
        return -1;
    }

    // Adding the same to all keeps the order, but for the cap at the top, which only makes neighbours equal.
    private void ResetCredits()
    {
        foreach (var unit in _all)
            unit.Credit = Math.Min(Math.Max(unit.Credit, LowestCarry) + InitialCredit, InitialCredit);
    }

    private sealed class Unit(Vcpu vcpu) : SchedulingUnit(vcpu)
    {
        public long Credit = InitialCredit;
        public bool Yielded;
    }
}
