using System.Diagnostics;
using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Domains;

/// <summary>
/// The order in which the hypervisor's locks may be taken, outermost first. A thread that holds one takes only later ones:
/// <list type="number">
/// <item>control: one domctl or sysctl at a time;</item>
/// <item>paging: a domain's page tables (two domains': by rising number);</item>
/// <item>grants: a domain's grant table (two domains': one after the other, never both);</item>
/// <item>events: a domain's ports (two domains': by rising number);</item>
/// <item>pages: a domain's list of frames and its physical map;</item>
/// <item>claims of frames;</item>
/// <item>domain list, frame allocator;</item>
/// <item>timers, run queue: innermost, nothing is called under them.</item>
/// </list>
/// Nothing wakes anyone while holding one of them but the events lock, under which a wake-up only takes the run queue's.
/// </summary>
internal static class LockOrder
{
    /// <summary>In debug builds: stops when the calling thread holds <paramref name="inner"/>, which must be taken later.</summary>
    [Conditional("DEBUG")]
    public static void AssertNotHeld(in CoreLock inner) => Debug.Assert(!inner.IsHeldByCurrentThread, "Locks were taken in the wrong order.");
}
