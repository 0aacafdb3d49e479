namespace Pv.Hypervisor.Hypercalls;

/// <summary>For whom a long operation is done, which so must make way for others: a vCPU, whose pCPU may be wanted, or Dom0.</summary>
internal interface IPreemptible
{
    /// <summary>Whether the operation shall stop, after so many entries of work since the last look.</summary>
    bool IsWantedAfter(int entries);
}
