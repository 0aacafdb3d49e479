using System.Buffers.Binary;
using System.Text;

namespace Pv.Toolstack.Building;

/// <summary>
/// The bytes of an image that anybody may have made: every offset and length read from it is checked before use,
/// and what lies outside is an <see cref="ImageException"/> that names what was sought.
/// </summary>
/// <param name="bytes">All the bytes there are.</param>
public readonly struct ImageBytes(ReadOnlyMemory<byte> bytes)
{
    /// <summary>All the bytes.</summary>
    public ReadOnlyMemory<byte> All => bytes;

    /// <summary>How many bytes there are.</summary>
    public int Length => bytes.Length;

    public byte U8(ulong offset, string what) => Slice(offset, 1, what).Span[0];

    public ushort U16(ulong offset, string what) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(offset, 2, what).Span);

    public uint U32(ulong offset, string what) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(offset, 4, what).Span);

    public ulong U64(ulong offset, string what) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, 8, what).Span);

    /// <summary>A part of the bytes.</summary>
    /// <exception cref="ImageException">Some of it lies outside.</exception>
    public ReadOnlyMemory<byte> Slice(ulong offset, ulong length, string what)
    {
        var size = (ulong)bytes.Length;
        if (offset > size || length > size - offset)
            throw new ImageException($"The image is cut short: {what} would be at 0x{offset:x}, 0x{length:x} bytes long, and the image has 0x{size:x} bytes.");
        return bytes.Slice((int)offset, (int)length);
    }

    /// <summary>The text from an offset to the next NUL, or to the end.</summary>
    public string Text(ulong offset, string what)
    {
        var rest = Slice(offset, (ulong)bytes.Length - Math.Min(offset, (ulong)bytes.Length), what).Span;
        var end = rest.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? rest : rest[..end]);
    }
}
