namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// What a decoder has produced so far. It grows with what is really produced, never with what a header claims,
/// and never beyond its limit. A decoder reserves, then writes to <see cref="Buffer"/> and raises <see cref="Length"/>.
/// </summary>
/// <param name="limit">The most bytes that may be produced.</param>
internal sealed class UnpackedBytes(int limit)
{
    private const int FirstCapacity = 1 << 16;

    /// <summary>The bytes; valid up to <see cref="Length"/>, writable up to what was last reserved. Replaced when it grows.</summary>
    public byte[] Buffer { get; private set; } = new byte[Math.Min(limit, FirstCapacity)];

    /// <summary>How many bytes have been produced.</summary>
    public int Length { get; set; }

    public ReadOnlyMemory<byte> Written => Buffer.AsMemory(0, Length);

    /// <summary>Makes room for so many bytes more.</summary>
    /// <exception cref="ImageException">That would be more than the limit.</exception>
    public void Reserve(int bytes)
    {
        if (bytes > limit - Length)
            throw new ImageException($"The packed image unpacks to more than the {limit} bytes that it may have.");
        if (Length + bytes > Buffer.Length)
        {
            var larger = new byte[(int)Math.Min(limit, Math.Max(2L * Buffer.Length, Length + bytes))];
            Buffer.AsSpan(0, Length).CopyTo(larger);
            Buffer = larger;
        }
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(Buffer.AsSpan(Length));
        Length += bytes.Length;
    }
}
