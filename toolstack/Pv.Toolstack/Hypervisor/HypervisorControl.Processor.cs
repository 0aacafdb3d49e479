using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <content>The processor that a domain sees.</content>
public sealed partial class HypervisorControl
{
    /// <summary>More leaves than a policy has room for.</summary>
    private const int MostLeaves = 256;

    /// <summary>The CPUID leaves of a domain, in order.</summary>
    public CpuidLeaf[] GetCpuid(DomId domain)
    {
        var leaves = new CpuidLeaf[MostLeaves];
        using var pin = HostPin.Of(leaves);
        var policy = new DomctlCpuPolicy { LeafCount = MostLeaves, Leaves = pin.Address };
        Domctl(DomctlOperation.GetCpuPolicy, domain, ref policy).OrThrow("XEN_DOMCTL_get_cpu_policy");
        return leaves[..(int)policy.LeafCount];
    }

    /// <summary>Changes leaves of a domain that never ran. What its processor does not have is not had by that.</summary>
    public Errno SetCpuid(DomId domain, CpuidLeaf[] leaves)
    {
        using var pin = HostPin.Of(leaves);
        var policy = new DomctlCpuPolicy { LeafCount = (uint)leaves.Length, Leaves = pin.Address };
        return Domctl(DomctlOperation.SetCpuPolicy, domain, ref policy);
    }

    /// <summary>Says how a domain wants its time-stamp counter: 0 as the machine does it, 1 always the hypervisor's, 2 never.</summary>
    public void SetTscMode(DomId domain, uint mode)
    {
        var info = new DomctlTscInfo { TscMode = mode };
        Domctl(DomctlOperation.SetTscInfo, domain, ref info).OrThrow("XEN_DOMCTL_settscinfo");
    }
}
