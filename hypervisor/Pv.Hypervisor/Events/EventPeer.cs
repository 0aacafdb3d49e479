using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>The other end of an interdomain channel.</summary>
internal sealed record EventPeer(EventChannels Events, EventPort Port);
