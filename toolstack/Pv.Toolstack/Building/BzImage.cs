using Pv.Toolstack.Building.Compression;

namespace Pv.Toolstack.Building;

/// <summary>
/// Linux's bzImage (the kernel's <c>Documentation/x86/boot.rst</c>): real-mode sectors, then a protected-mode part
/// that holds the packed ELF kernel as its payload.
/// </summary>
public static class BzImage
{
    private const int SetupSectors = 0x1f1, BootFlag = 0x1fe, Magic = 0x202, Version = 0x206, PayloadOffset = 0x248, PayloadLength = 0x24c;
    private const int HeaderEnd = 0x250, SectorBytes = 512, DefaultSetupSectors = 4;

    // From 2.08 on the header says where the payload is.
    private const int OldestVersion = 0x208;

    public static bool IsBzImage(ReadOnlySpan<byte> file) =>
        file.Length >= HeaderEnd && file[Magic..].StartsWith("HdrS"u8) && file[BootFlag] == 0x55 && file[BootFlag + 1] == 0xaa;

    /// <summary>Unpacks the payload.</summary>
    /// <exception cref="ImageException">The header is wrong, or the payload cannot be unpacked within <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> file, int maxBytes)
    {
        var image = new ImageBytes(file);
        var version = image.U16(Version, "the bzImage version");
        if (version < OldestVersion)
            throw new ImageException($"The bzImage is of boot protocol {version >> 8}.{version & 0xff:00}; only 2.08 and later say where the kernel is.");

        uint sectors = image.U8(SetupSectors, "the bzImage setup size");
        if (sectors == 0)
            sectors = DefaultSetupSectors;
        var start = ((ulong)sectors + 1) * SectorBytes;
        var offset = image.U32(PayloadOffset, "the bzImage payload offset");
        var length = image.U32(PayloadLength, "the bzImage payload length");
        return KernelPayload.Unpack(image.Slice(start + offset, length, "the bzImage payload"), maxBytes);
    }
}
