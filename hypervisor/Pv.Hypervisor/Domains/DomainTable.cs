using Pv.Abi;
using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Domains;

/// <summary>The domains of the machine by number. A domain stays until its last frame is free, so that frames always have a living owner.</summary>
public sealed class DomainTable(Stepper? stepper)
{
    private readonly CoreLock _lock = new(stepper, "the domain list");
    private readonly Domain?[] _domains = new Domain?[DomId.FirstReserved];
    private ushort _last, _highest;

    /// <summary>Finds a domain, a dying one too. Any thread, no lock.</summary>
    public Domain? Find(DomId id) => id.IsReserved ? null : Volatile.Read(ref _domains[id.Value]);

    /// <summary>The first domain of that number or a higher one; null when there is none. Any thread, no lock.</summary>
    internal Domain? FindFrom(DomId id)
    {
        for (int number = id.Value; number <= _highest; number++)
        {
            if (Volatile.Read(ref _domains[number]) is { } domain)
                return domain;
        }
        return null;
    }

    /// <summary>All domains, by rising number.</summary>
    public IReadOnlyList<Domain> Snapshot()
    {
        using (_lock.Hold())
            return [.. _domains.Take(_highest + 1).OfType<Domain>()];
    }

    /// <summary>Adds a domain under <paramref name="wanted"/>, or under the next free number when that is null; numbers are not reused soon.</summary>
    internal Errno TryAdd(DomId? wanted, Func<DomId, Domain> make, out Domain? domain)
    {
        using (_lock.Hold())
        {
            domain = null;
            if (wanted is not { } id)
            {
                if (!TryFindFree(out id))
                    return Errno.ENOMEM;
            }
            else if (id.IsReserved)
            {
                return Errno.EINVAL;
            }
            else if (_domains[id.Value] is not null)
            {
                return Errno.EEXIST;
            }
            domain = make(id);
            Volatile.Write(ref _domains[id.Value], domain);
            _highest = Math.Max(_highest, id.Value);
            if (wanted is null)
                _last = id.Value;
            return Errno.None;
        }
    }

    internal void Remove(Domain domain)
    {
        using (_lock.Hold())
            Volatile.Write(ref _domains[domain.Id.Value], null);
    }

    private bool TryFindFree(out DomId id)
    {
        for (var i = 1; i < DomId.FirstReserved; i++)
        {
            id = new DomId((ushort)((_last + i - 1) % (DomId.FirstReserved - 1) + 1));
            if (_domains[id.Value] is null)
                return true;
        }
        id = DomId.Invalid;
        return false;
    }
}
