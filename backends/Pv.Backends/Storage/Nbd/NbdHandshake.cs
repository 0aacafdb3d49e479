using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Pv.Backends.Storage.Nbd;

/// <summary>The beginning of a connection: fixed newstyle, one option (<c>NBD_OPT_GO</c>), simple replies from then on.</summary>
internal static class NbdHandshake
{
    private const int LongestReply = 64 << 10;

    /// <summary>Asks for an export and for its block sizes.</summary>
    /// <param name="stream">A fresh connection. It has time-outs where the server is not to be waited for.</param>
    /// <param name="name">The export's; empty for the only one.</param>
    /// <exception cref="IOException">The connection broke, or waited too long.</exception>
    /// <exception cref="StorageException">The server speaks otherwise, or refuses.</exception>
    public static NbdExport Negotiate(Stream stream, string name = "")
    {
        Span<byte> greeting = stackalloc byte[18];
        stream.ReadExactly(greeting);
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting) != NbdWire.Greeting)
            throw new StorageException("the server speaks no NBD");
        var flags = BinaryPrimitives.ReadUInt16BigEndian(greeting[16..]);
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting[8..]) != NbdWire.OptionMagic || (flags & NbdWire.FixedNewstyle) == 0)
            throw new StorageException("the server speaks an NBD without options");

        stream.Write(Ask(name, (ushort)(flags & (NbdWire.FixedNewstyle | NbdWire.NoZeroes))));
        return ReadAnswer(stream, name);
    }

    private static byte[] Ask(string name, ushort flags)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var request = new byte[4 + 16 + 4 + text.Length + 2 + 2];
        BinaryPrimitives.WriteUInt32BigEndian(request, flags);
        var option = request.AsSpan(4);
        BinaryPrimitives.WriteUInt64BigEndian(option, NbdWire.OptionMagic);
        BinaryPrimitives.WriteUInt32BigEndian(option[8..], NbdWire.OptionGo);
        BinaryPrimitives.WriteInt32BigEndian(option[12..], option.Length - 16);
        BinaryPrimitives.WriteInt32BigEndian(option[16..], text.Length);
        text.CopyTo(option[20..]);
        var infos = option[(20 + text.Length)..];
        BinaryPrimitives.WriteUInt16BigEndian(infos, 1);
        BinaryPrimitives.WriteUInt16BigEndian(infos[2..], NbdWire.InfoBlockSize);
        return request;
    }

    private static NbdExport ReadAnswer(Stream stream, string name)
    {
        var export = (NbdExport?)null;
        var (minimum, preferred, maximum) = (1u, 4096u, NbdWire.UsualMaximum);
        var header = new byte[20];
        while (true)
        {
            stream.ReadExactly(header);
            var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16));
            if (BinaryPrimitives.ReadUInt64BigEndian(header) != NbdWire.OptionReplyMagic
                || BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)) != NbdWire.OptionGo || length > LongestReply)
            {
                throw new StorageException("the server's answer is no NBD");
            }
            var data = new byte[length];
            stream.ReadExactly(data);
            switch (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(12)))
            {
                case NbdWire.ReplyInfo when data.Length >= 12 && BinaryPrimitives.ReadUInt16BigEndian(data) == NbdWire.InfoExport:
                    export = ReadExport(data.AsSpan(2));
                    break;
                case NbdWire.ReplyInfo when data.Length >= 14 && BinaryPrimitives.ReadUInt16BigEndian(data) == NbdWire.InfoBlockSize:
                    (minimum, preferred, maximum) = ReadBlockSizes(data.AsSpan(2));
                    break;
                case NbdWire.ReplyInfo:
                    break;
                case NbdWire.ReplyAck when export is not null:
                    return export with { MinimumBlock = minimum, PreferredBlock = preferred, MaximumPayload = maximum };
                case NbdWire.ErrorUnsupported:
                    throw new StorageException("the server does not know NBD_OPT_GO");
                case NbdWire.ErrorUnknownExport:
                    throw new StorageException($"the server has no export \"{name}\"");
                case var error when (error & NbdWire.ReplyErrorBit) != 0:
                    throw new StorageException($"the server refuses the export (error {error & ~NbdWire.ReplyErrorBit}{(data.Length > 0 ? $": {Encoding.UTF8.GetString(data)}" : "")})");
                default:
                    throw new StorageException("the server's answer is no NBD");
            }
        }
    }

    private static NbdExport ReadExport(ReadOnlySpan<byte> data)
    {
        var size = BinaryPrimitives.ReadInt64BigEndian(data);
        if (size < 0)
            throw new StorageException("the server's export is too large");
        return new NbdExport(size, (NbdExportFlags)BinaryPrimitives.ReadUInt16BigEndian(data[8..]), 0, 0, 0);
    }

    private static (uint Minimum, uint Preferred, uint Maximum) ReadBlockSizes(ReadOnlySpan<byte> data)
    {
        var minimum = BinaryPrimitives.ReadUInt32BigEndian(data);
        var preferred = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        var maximum = BinaryPrimitives.ReadUInt32BigEndian(data[8..]);
        if (!BitOperations.IsPow2(minimum) || minimum > 64 << 10 || !BitOperations.IsPow2(preferred) || preferred < minimum || preferred > 32 << 20)
            throw new StorageException($"the server's block sizes are out of the protocol's bounds: {minimum}, {preferred}");
        return (minimum, preferred, maximum);
    }
}
