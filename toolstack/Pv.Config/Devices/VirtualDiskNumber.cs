namespace Pv.Config.Devices;

/// <summary>
/// The number of a virtual disk: what a guest finds in its xenstore path and derives a name from
/// (xen-vbd-interface(7)).
/// <code>
/// xvd, 16 disks of 15 partitions   202 &lt;&lt; 8 | disk &lt;&lt; 4 | partition
/// xvd, beyond                      1 &lt;&lt; 28  | disk &lt;&lt; 8 | partition
/// sd,  16 disks of 15 partitions   8 &lt;&lt; 8   | disk &lt;&lt; 4 | partition
/// hd,  disks 0 and 1               3 &lt;&lt; 8   | disk &lt;&lt; 6 | partition
/// hd,  disks 2 and 3               22 &lt;&lt; 8  | (disk - 2) &lt;&lt; 6 | partition
/// </code>
/// </summary>
public readonly record struct VirtualDiskNumber(int Disk, int Partition, int Number)
{
    private const int MaxDisk = (1 << 20) - 1;
    private const int MaxPartition = 255;

    /// <summary>
    /// Reads <c>xvda1</c>, <c>sdb</c>, <c>hdc2</c>, <c>d0p1</c>, or the number itself (decimal, octal or hexadecimal).
    /// </summary>
    public static bool TryParse(string? text, out VirtualDiskNumber number)
    {
        number = default;
        if (string.IsNullOrEmpty(text))
            return false;
        if (text[0] == 'd' && TryNumbered(text, out number))
            return true;

        int letters = text.StartsWith("xvd", StringComparison.Ordinal) ? 3
            : text.StartsWith("sd", StringComparison.Ordinal) || text.StartsWith("hd", StringComparison.Ordinal) ? 2
            : 0;
        if (letters != 0)
            return TryLettered(text, letters, out number);

        ulong raw = CNumber.ParseUnsigned(text, 0, out int used);
        if (used != text.Length || raw > int.MaxValue)
            return false;
        number = FromNumber((int)raw);
        return true;
    }

    /// <summary>What a number means. Numbers of majors unknown here are one disk without partitions.</summary>
    public static VirtualDiskNumber FromNumber(int number) => (number >> 8) switch
    {
        >= 1 << 20 => new((number >> 8) & MaxDisk, number & 0xff, number),
        202 or 8 => new((number >> 4) & 0xf, number & 0xf, number),
        3 => new((number >> 6) & 3, number & 0x3f, number),
        22 => new(((number >> 6) & 3) + 2, number & 0x3f, number),
        _ => new(0, 0, number),
    };

    /// <summary>The name of a Xen disk of this number: <c>xvda</c>, <c>xvdaa3</c>.</summary>
    public string XenName
    {
        get
        {
            string letters = "";
            for (int rest = Disk; rest >= 0; rest = rest / 26 - 1)
                letters = (char)('a' + rest % 26) + letters;
            return $"xvd{letters}{(Partition == 0 ? "" : Partition.ToString(System.Globalization.CultureInfo.InvariantCulture))}";
        }
    }

    private static bool TryNumbered(string text, out VirtualDiskNumber number)
    {
        number = default;
        int p = text.IndexOf('p');
        if (p < 0 || !TryDecimal(text.AsSpan(1, p - 1), MaxDisk, out int disk) || !TryDecimal(text.AsSpan(p + 1), MaxPartition, out int partition))
            return false;
        number = Xen(disk, partition);
        return true;
    }

    private static bool TryLettered(string text, int prefix, out VirtualDiskNumber number)
    {
        number = default;
        int i = prefix;
        long disk = -1;
        for (; i < text.Length && text[i] is >= 'a' and <= 'z'; i++)
        {
            disk = (disk + 1) * 26 + (text[i] - 'a');
            if (disk > MaxDisk)
                return false;
        }

        int partition = 0;
        if (disk < 0 || (i < text.Length && !TryDecimal(text.AsSpan(i), MaxPartition, out partition)))
            return false;

        int d = (int)disk;
        switch (text[0])
        {
            case 'x':
                number = Xen(d, partition);
                return true;
            case 's' when d < 16 && partition < 16:
                number = new(d, partition, 8 << 8 | d << 4 | partition);
                return true;
            case 'h' when d < 4 && partition < 64:
                number = new(d, partition, d < 2 ? 3 << 8 | d << 6 | partition : 22 << 8 | (d - 2) << 6 | partition);
                return true;
            default:
                return false;
        }
    }

    private static VirtualDiskNumber Xen(int disk, int partition) =>
        new(disk, partition, disk < 16 && partition < 16 ? 202 << 8 | disk << 4 | partition : 1 << 28 | disk << 8 | partition);

    private static bool TryDecimal(ReadOnlySpan<char> text, int max, out int value) =>
        int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out value) && value <= max;
}
