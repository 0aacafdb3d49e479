using System.Buffers.Binary;

namespace Pv.Backends.Storage.Nbd;

/// <summary>The numbers of the NBD protocol (<c>doc/proto.md</c> of the NBD project). All of it is big-endian.</summary>
internal static class NbdWire
{
    public const ulong Greeting = 0x4e42444d41474943, OptionMagic = 0x49484156454f5054, OptionReplyMagic = 0x0003e889045565a9;
    public const uint RequestMagic = 0x25609513, ReplyMagic = 0x67446698;

    /// <summary>What client and server can do in the handshake.</summary>
    public const ushort FixedNewstyle = 1 << 0, NoZeroes = 1 << 1;

    public const uint OptionGo = 7;
    public const uint ReplyAck = 1, ReplyInfo = 3, ReplyErrorBit = 1u << 31;
    public const uint ErrorUnsupported = ReplyErrorBit | 1, ErrorUnknownExport = ReplyErrorBit | 6;
    public const ushort InfoExport = 0, InfoBlockSize = 3;

    public const int RequestLength = 28, ReplyLength = 16;

    /// <summary>The largest read or write of a client that was not told of another limit, in bytes.</summary>
    public const uint UsualMaximum = 32 << 20;

    /// <summary>Writes a request's header.</summary>
    public static void EncodeRequest(Span<byte> header, NbdCommand command, NbdCommandFlags flags, ulong cookie, ulong offset, uint length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header, RequestMagic);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)command);
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], cookie);
        BinaryPrimitives.WriteUInt64BigEndian(header[16..], offset);
        BinaryPrimitives.WriteUInt32BigEndian(header[24..], length);
    }

    /// <summary>Reads a simple reply's header. False: it is none.</summary>
    public static bool TryDecodeReply(ReadOnlySpan<byte> header, out uint error, out ulong cookie)
    {
        error = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        cookie = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
        return BinaryPrimitives.ReadUInt32BigEndian(header) == ReplyMagic;
    }
}

internal enum NbdCommand : ushort
{
    Read = 0,
    Write = 1,
    Disconnect = 2,
    Flush = 3,
    Trim = 4,
}

[Flags]
internal enum NbdCommandFlags : ushort
{
    None = 0,
    ForceUnitAccess = 1 << 0,
}

/// <summary>What a server says of an export.</summary>
[Flags]
internal enum NbdExportFlags : ushort
{
    None = 0,
    HasFlags = 1 << 0,
    ReadOnly = 1 << 1,
    Flush = 1 << 2,
    ForceUnitAccess = 1 << 3,
    Trim = 1 << 5,
}
