using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Puts a message into bytes.</summary>
internal static class MessageEncoder
{
    public static byte[] Encode(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[XenStoreHeader.WireSize + payload.Length];
        EncodeHeader(bytes, type, requestId, transactionId, payload.Length);
        payload.CopyTo(bytes.AsSpan(XenStoreHeader.WireSize));
        return bytes;
    }

    public static void EncodeHeader(Span<byte> into, XenStoreMessageType type, uint requestId, uint transactionId, int length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into[12..], (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(into, (uint)type);
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], requestId);
        BinaryPrimitives.WriteUInt32LittleEndian(into[8..], transactionId);
    }
}
