using Pv.Abi;
using Pv.Hypervisor.Auditing;

namespace Pv.Hypervisor.Events;

// What an audit looks at. Nothing changes meanwhile but, on a machine that runs, what Dom0 does.
public sealed partial class EventChannels
{
    /// <summary>The frames of the guest's that the hypervisor writes events to.</summary>
    internal IEnumerable<Mfn> QueueFrames() => _abi is FifoEventAbi fifo ? fifo.QueueFrames() : [];

    /// <summary>
    /// Whether both ends of each channel know of each other, virtual interrupts and their ports agree, and nothing is open beyond the limit, of a
    /// vCPU that is not there, or of a domain at its end.
    /// </summary>
    internal void Audit(AuditFindings findings)
    {
        using (_lock.Hold())
            AuditLocked(findings);
    }

    /// <summary>Closed for good, with every port.</summary>
    private bool IsEnded => _closed && _nextToReset == 0;

    /// <summary>A port as it is kept, for tests.</summary>
    internal EventChannel? Channel(EventPort port) => FindLocked(port, evenClosed: true);

    /// <summary>A number that changes when the accounting of channels does.</summary>
    internal ulong Fingerprint()
    {
        var print = (ulong)_virqs.Count;
        foreach (var channel in _ports)
        {
            if (channel.State != EventChannelState.Closed)
                print += ((ulong)channel.State + ((ulong)channel.RemoteDomain.Value << 32) + ((ulong)channel.RemotePort.Value << 8) + ((ulong)channel.Vcpu.Value << 48)) * (channel.Port.Value | 1ul << 20);
        }
        return print;
    }

    private void AuditLocked(AuditFindings findings)
    {
        var (interrupts, open) = (0, 0);
        foreach (var channel in _ports)
        {
            if (channel.State == EventChannelState.Closed)
                continue;
            open++;
            findings.Looked++;
            if (WrongWith(channel) is { } wrong)
                findings.Add($"{_domain.Id} {channel.Port} ({channel.State}): {wrong}");
            if (channel.State == EventChannelState.Virq)
                interrupts++;
        }
        if (open != OpenPortsLocked)
            findings.Add($"{_domain.Id} has {open} open ports, and counts {OpenPortsLocked}");
        if (interrupts != _virqs.Count)
            findings.Add($"{_domain.Id} has {interrupts} ports of virtual interrupts, and {_virqs.Count} interrupts know a port");
        foreach (var ((virq, _), channel) in _virqs)
        {
            if (channel.State != EventChannelState.Virq || channel.Virq != virq)
                findings.Add($"{_domain.Id}'s {virq} is bound to {channel.Port}, which is {channel.State}");
        }
        if (_abi is FifoEventAbi fifo && (IsEnded || !fifo.TailsAreSound()))
            findings.Add($"{_domain.Id}'s event queues: {(IsEnded ? "kept beyond its end" : "a last port that has no word")}");
        foreach (var vcpu in _domain.OnlineVcpus)
        {
            if (vcpu.PolledPort != 0 && (!vcpu.IsPolling || vcpu.PolledPort >= _ports.Count))
                findings.Add($"{vcpu} waits for port {vcpu.PolledPort}, and {(vcpu.IsPolling ? "there is none" : "does not poll")}");
        }
    }

    private string? WrongWith(EventChannel channel)
    {
        if (IsEnded)
            return "the domain is at its end";
        if (channel.Port.Value == 0 || channel.Port.Value > _domain.Limits.MaxEventPort)
            return "beyond the limit";
        if (!Exists(channel.Vcpu))
            return $"there is no {channel.Vcpu}";
        if (channel.State != EventChannelState.Interdomain)
            return channel.Peer is null ? null : "an end that is not bound, and sends";
        if (_domain.Core.Domains.Find(channel.RemoteDomain) is not { } remote)
            return $"{channel.RemoteDomain} is gone";
        if (remote.Events.FindLocked(channel.RemotePort) is not { State: EventChannelState.Interdomain } other
            || other.RemoteDomain != _domain.Id || other.RemotePort != channel.Port || channel.Peer?.Events != remote.Events)
            return $"{remote.Id} {channel.RemotePort} knows nothing of it";
        return null;
    }
}
