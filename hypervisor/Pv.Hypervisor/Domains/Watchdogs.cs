using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Domains;

/// <summary>A domain's watchdogs (<c>SCHEDOP_watchdog</c>): two timers that shut it down unless the guest sets them again in time.</summary>
internal sealed class Watchdogs
{
    private const int Count = 2;

    // Xen's number of this one error is 32 bits wide.
    private const long NoneFree = unchecked((uint)-(int)Errno.ENOSPC);

    private readonly Domain _domain;
    private readonly CoreLock _lock;
    private readonly CoreTimer?[] _timers = new CoreTimer?[Count];

    public Watchdogs(Domain domain)
    {
        _domain = domain;
        _lock = new CoreLock(domain.Core.Stepper, $"the watchdogs of {domain.Id}");
    }

    /// <summary>Number 0 takes a new one, whose number is returned; a timeout of 0 ends one.</summary>
    public HypercallResult Set(uint id, ulong timeout)
    {
        using (_lock.Hold())
        {
            if (id > Count)
                return Errno.EINVAL;
            if (id == 0)
            {
                id = (uint)Array.FindIndex(_timers, timer => timer is null) + 1;
                if (id == 0)
                    return NoneFree;
                _timers[id - 1] = new CoreTimer(_domain.Core.Timekeeper, Bite);
                _timers[id - 1]!.Set(_domain.Core.Clock.Now + timeout);
                return id;
            }
            if (_timers[id - 1] is not { } timer)
                return Errno.EINVAL;
            if (timeout == 0)
            {
                timer.Cancel();
                _timers[id - 1] = null;
            }
            else
            {
                timer.Set(_domain.Core.Clock.Now + timeout);
            }
            return HypercallResult.Success;
        }
    }

    public void CancelAll()
    {
        using (_lock.Hold())
        {
            foreach (var timer in _timers)
                timer?.Cancel();
        }
    }

    private void Bite()
    {
        if (_domain.Shutdown is not null || _domain.IsDying)
            return;
        _domain.Core.Log.Write($"watchdog timer fired for domain {_domain.Id.Value}");
        _domain.ShutDown(ShutdownReason.Watchdog, null);
    }
}
