using Pv.Abi;

namespace Pv.XenStore;

/// <summary>One message of the protocol, whole.</summary>
public readonly record struct StoreMessage(XenStoreMessageType Type, uint RequestId, uint TransactionId, ReadOnlyMemory<byte> Payload);
