using System.Buffers.Binary;

namespace Pv.Tests.Building;

/// <summary>Makes bzImages for tests.</summary>
public static class BzImageBuilder
{
    /// <summary>A bzImage of boot protocol 2.15 with one setup sector and a payload a little after the protected-mode part's start.</summary>
    public static byte[] Of(byte[] payload, int gap = 16)
    {
        const int Setup = 2 * 512;
        var image = new byte[Setup + gap + payload.Length];
        image[0x1f1] = 1;
        image[0x1fe] = 0x55;
        image[0x1ff] = 0xaa;
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x20f);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(0x248), gap);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(0x24c), payload.Length);
        payload.CopyTo(image, Setup + gap);
        return image;
    }

    /// <summary>Packed bytes and the unpacked size that Linux puts behind them.</summary>
    public static byte[] WithSize(byte[] packed, int unpackedBytes)
    {
        var payload = new byte[packed.Length + 4];
        packed.CopyTo(payload, 0);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(packed.Length), unpackedBytes);
        return payload;
    }

    /// <summary>The legacy LZ4 frame, of literals alone.</summary>
    public static byte[] Lz4Of(byte[] bytes)
    {
        var block = new List<byte> { (byte)(Math.Min(bytes.Length, 15) << 4) };
        if (bytes.Length >= 15)
        {
            var more = bytes.Length - 15;
            for (; more >= 255; more -= 255)
                block.Add(255);
            block.Add((byte)more);
        }

        block.AddRange(bytes);
        var frame = new byte[8 + block.Count];
        ((ReadOnlySpan<byte>)[0x02, 0x21, 0x4c, 0x18]).CopyTo(frame);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), block.Count);
        block.CopyTo(frame, 8);
        return frame;
    }
}
