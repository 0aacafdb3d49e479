using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Domains;

/// <content>Domains that sleep in memory: their kernels are asked to suspend, and told later that the suspend was called off.</content>
public sealed partial class XenDomains
{
    /// <summary>What <c>sched_op</c> answers to a kernel whose suspend was called off.</summary>
    private const ulong Cancelled = 1;

    public async Task SuspendAsync(DomId domain, CancellationToken cancel)
    {
        var record = FindGuest(domain, "it cannot be suspended");
        if (record.IsManaged)
            throw new ToolstackException($"Domain {record.Name} is a C# guest, which cannot be suspended; xl pause stops it.");
        if (IsSuspended(domain))
            throw new ToolstackException($"Domain {record.Name} is suspended already; xl resume lets it run on.");
        // Looked at from before the request on, so that no shutdown is missed.
        await using var ends = await _store.WatchAsync("@releaseDomain");
        await AskAsync(record, "suspend", cancel);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            await foreach (var _ in ends.Events.WithCancellation(patience.Token))
            {
                if (_control.GetDomainInfo(domain) is not { } info)
                    throw NoSuch(domain);
                if ((info.Flags & DomainInfoFlags.Shutdown) == 0)
                    continue;
                if (info.ShutdownReason == ShutdownReason.Suspend)
                    return;
                throw new ToolstackException($"Domain {record.Name} has shut down instead, reason code {(uint)info.ShutdownReason}.");
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new ToolstackException($"Domain {record.Name} has taken the request, but has not suspended itself within {Patience.TotalSeconds:0} s.");
        }
    }

    public async Task ResumeAsync(DomId domain)
    {
        var record = FindGuest(domain, "it is never suspended");
        using var turn = await EnterAsync(record);
        try
        {
            if (!IsSuspended(domain))
                throw new ToolstackException($"Domain {record.Name} is not suspended (xl unpause lets a paused one run on).");
            // The kernel comes back from its call: 1 tells it that it was not moved, and that all it had connected is still there.
            var first = new VcpuId(0);
            if (_control.GetVcpuContext(domain, first) is { } context)
            {
                context.Registers.Rax = Cancelled;
                _control.SetVcpuContext(domain, first, context);
            }
            lock (record.Telling)
            {
                Demand(_control.ResumeDomain(domain), domain, "resumed");
                record.NoteResumption();
                Tell(DomainEventKind.Running, record);
            }
            await _store.ResumeAsync(domain);
        }
        catch (Exception e) when (e is HypercallException or XenStoreException)
        {
            throw new ToolstackException($"Domain {record.Name} cannot be resumed: {e.Message.TrimEnd('.')}.");
        }
    }

    private bool IsSuspended(DomId domain)
        => _control.GetDomainInfo(domain) is { } info && (info.Flags & DomainInfoFlags.Shutdown) != 0 && info.ShutdownReason == ShutdownReason.Suspend;
}
