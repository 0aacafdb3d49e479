using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Paging;

/// <summary>Has vCPUs forget translations. When a call returns, no vCPU that it concerns runs guest code with an old one.</summary>
internal sealed class TlbFlushes(HypervisorCore core)
{
    /// <summary>All translations of some of a domain's vCPUs (a bit each).</summary>
    public void Flush(Domain domain, ulong vcpus)
    {
        var fence = false;
        foreach (var vcpu in domain.Vcpus)
        {
            if (vcpu is null || (vcpus >> (int)vcpu.Id.Value & 1) == 0)
                continue;
            Request(vcpu);
            fence |= !vcpu.Walks.HaveFences && !VcpuLoop.IsCurrent(vcpu);
        }
        if (fence)
            TableWalks.Fence();
        foreach (var vcpu in domain.Vcpus)
        {
            if (vcpu is not null && (vcpus >> (int)vcpu.Id.Value & 1) != 0)
                AwaitLeft(vcpu);
        }
        AwaitServices(domain);
    }

    /// <summary>One translation of the caller's, which may be what serves its queue.</summary>
    public void FlushPage(Vcpu caller, ulong address)
    {
        if (caller.Queue is null)
            caller.FlushPageNow(address);
        else
            Flush(caller.Domain, 1ul << (int)caller.Id.Value);
    }

    public void FlushAll(Domain domain) => Flush(domain, ulong.MaxValue);

    /// <summary>
    /// Before a frame of the domain becomes something that its vCPUs must not reach as what it was: flushes those whose last flush was not
    /// after the time in <paramref name="stamp"/>.
    /// </summary>
    public void DropStale(DomId owner, ulong stamp) => DropStale(owner, stamp, null);

    /// <summary>
    /// The same before a page table becomes something else. No translation leads to a table itself, but another vCPU may be walking through
    /// it now, and must not find there what the guest writes. The calling vCPU is not.
    /// </summary>
    public void AwaitWalks(DomId owner, ulong stamp) => DropStale(owner, stamp, VcpuLoop.Current);

    private void DropStale(DomId owner, ulong stamp, Vcpu? except)
    {
        // One that is at its end runs on for a moment.
        if (core.Domains.Find(owner) is not { Kind: DomainKind.Paravirtualized, HasStopped: false } domain)
            return;
        ulong stale = 0;
        foreach (var vcpu in domain.Vcpus)
        {
            if (vcpu is not null && vcpu != except && vcpu.FlushedAt <= stamp)
                stale |= 1ul << (int)vcpu.Id.Value;
        }
        if (stale != 0)
            Flush(domain, stale);
        else
            AwaitServices(domain);
    }

    /// <summary>What serves a queue keeps no translations, but it may be copying by tables that it walked before.</summary>
    private static void AwaitServices(Domain domain)
    {
        foreach (var service in domain.Services)
            service?.Walks.AwaitCurrent();
    }

    private static void Request(Vcpu vcpu)
    {
        if (VcpuLoop.IsCurrent(vcpu))
            vcpu.FlushNow();
        else
            vcpu.RequestFlush();
    }

    /// <summary>A vCPU that runs guest code leaves, and flushes before it goes in again; one that does not will flush first.</summary>
    private void AwaitLeft(Vcpu vcpu)
    {
        if (VcpuLoop.IsCurrent(vcpu))
            return;
        if (core.Stepper is { } stepper)
        {
            vcpu.Engine?.Kick();
            stepper.WaitUntil(() => !vcpu.InGuest || !vcpu.FlushIsPending, $"{vcpu} to leave its guest's code");
        }
        var spinner = default(SpinWait);
        while (vcpu.InGuest && vcpu.FlushIsPending)
        {
            vcpu.Engine?.Kick();
            spinner.SpinOnce();
        }
        // Nor may the hypervisor be copying for it by tables that it walked before.
        vcpu.Walks.AwaitCurrent();
    }
}
