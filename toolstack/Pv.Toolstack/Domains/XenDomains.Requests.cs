using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <content>What a domain's kernel is asked through its <c>control</c> directory in xenstore, and triggers.</content>
public sealed partial class XenDomains
{
    /// <summary>How long a kernel has to take a request before whoever asked hears that it does not.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    public async Task AskToShutDownAsync(DomId domain, ShutdownRequest request, CancellationToken cancel)
    {
        if (domain == DomId.Dom0)
            throw new ToolstackException("Domain 0 is pvd itself: send pvd SIGTERM to end it.");
        var record = Find(domain);
        if (IsSuspended(domain))
            throw new ToolstackException($"Domain {record.Name} is suspended and takes no request: xl resume lets it run on, xl destroy ends it.");
        await AskAsync(record, request == ShutdownRequest.Reboot ? "reboot" : "poweroff", cancel);
    }

    /// <summary>Writes a request to <c>control/shutdown</c>, and waits until the kernel has taken it or has shut down.</summary>
    private async Task AskAsync(DomainRecord record, string word, CancellationToken cancel)
    {
        var node = $"{DomainNodes.Home(record.Id)}/control/shutdown";
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            using (await EnterAsync(record, patience.Token))
            {
                if (record.Shutdown.IsCompleted)
                    throw new ToolstackException($"Domain {record.Name} has shut down already: destroy it to be rid of it.");
                await _store.WriteAsync(node, word);
            }
            var taken = WaitUntilEmptyAsync(node, patience.Token);
            await await Task.WhenAny(taken, record.Shutdown.WaitAsync(patience.Token));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            var advertised = await _store.ReadAsync($"{DomainNodes.Home(record.Id)}/control/feature-{word}") == "1";
            throw new ToolstackException(
                $"Domain {record.Name} has not taken the request within {Patience.TotalSeconds:0} s{(advertised ? "" : $"; its kernel does not advertise control/feature-{word}")}.");
        }
        finally
        {
            await patience.CancelAsync();
        }
    }

    public async Task SendSysRqAsync(DomId domain, char letter)
    {
        if (domain == DomId.Dom0)
            throw new ToolstackException("Domain 0 is pvd itself and knows no system requests.");
        using var turn = await EnterAsync(Find(domain));
        await _store.WriteAsync($"{DomainNodes.Home(domain)}/control/sysrq", $"{letter}");
    }

    public Task TriggerAsync(DomId domain, DomainTrigger trigger, VcpuId vcpu)
    {
        var record = Find(domain);
        return _control.SendTrigger(domain, trigger, vcpu) switch
        {
            Errno.None => Task.CompletedTask,
            Errno.ESRCH => throw new ToolstackException($"Domain {record.Name} has no vCPU {vcpu.Value}."),
            _ => throw new ToolstackException($"Domain {record.Name} is of a kind that cannot take the trigger {trigger.ToString().ToLowerInvariant()}."),
        };
    }

    /// <summary>The kernel empties the node as it takes what is in it; the node goes with its domain.</summary>
    private async Task WaitUntilEmptyAsync(string node, CancellationToken cancel)
    {
        await using var watch = await _store.WatchAsync(node);
        await foreach (var _ in watch.Events.WithCancellation(cancel))
        {
            if (string.IsNullOrEmpty(await _store.ReadAsync(node)))
                return;
        }
    }
}
