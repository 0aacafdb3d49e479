namespace Pv.Hypervisor.Scheduling;

/// <summary>vCPUs that wait for a pCPU, in the policy's order; equal ones in the order they came.</summary>
/// <param name="goesBefore">Whether the first is to run before the second.</param>
internal sealed class RunQueue<T>(Func<T, T, bool> goesBefore)
    where T : SchedulingUnit
{
    private readonly List<T> _units = [];

    public int Count => _units.Count;

    public void Insert(T unit)
    {
        var at = _units.Count;
        while (at > 0 && goesBefore(unit, _units[at - 1]))
            at--;
        _units.Insert(at, unit);
    }

    public bool Remove(T unit) => _units.Remove(unit);

    /// <summary>The first one from <paramref name="after"/> on (null: of all) that may run there.</summary>
    public T? First(int pcpu, T? after = null)
    {
        for (var i = after is null ? 0 : _units.IndexOf(after) + 1; i < _units.Count; i++)
        {
            if (_units[i].MayRunOn(pcpu))
                return _units[i];
        }
        return null;
    }

    /// <summary>
    /// The one to run there: the first that may, unless that one rather runs elsewhere and one that is <paramref name="asGood"/> likes it here.
    /// </summary>
    public T? Choose(int pcpu, Func<T, T, bool> asGood)
    {
        var first = First(pcpu);
        if (first is null || first.Prefers(pcpu))
            return first;
        for (var other = First(pcpu, first); other is not null; other = First(pcpu, other))
        {
            if (other.Prefers(pcpu) && asGood(other, first))
                return other;
        }
        return first;
    }

    /// <summary>Puts all into order again after what orders them has changed.</summary>
    public void Sort()
    {
        for (var i = 1; i < _units.Count; i++)
        {
            var unit = _units[i];
            var at = i;
            for (; at > 0 && goesBefore(unit, _units[at - 1]); at--)
                _units[at] = _units[at - 1];
            _units[at] = unit;
        }
    }
}
