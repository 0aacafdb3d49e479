using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Puts a message into bytes.</summary>
internal static class MessageEncoder
{
    public static byte[] Encode(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[XenStoreHeader.WireSize + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), requestId);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), transactionId);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), (uint)payload.Length);
        payload.CopyTo(bytes.AsSpan(XenStoreHeader.WireSize));
        return bytes;
    }
}
