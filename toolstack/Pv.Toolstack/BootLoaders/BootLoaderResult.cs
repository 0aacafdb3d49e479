using System.Text;

namespace Pv.Toolstack.BootLoaders;

/// <summary>What a boot loader says that is to be booted. It replaces what the configuration says, also where it says nothing.</summary>
/// <param name="Kernel">A path.</param>
/// <param name="Ramdisk">A path, or null for none.</param>
/// <param name="CommandLine">The kernel's command line.</param>
public sealed record BootLoaderResult(string? Kernel, string? Ramdisk, string? CommandLine)
{
    /// <summary>
    /// Reads the format <c>simple0</c>: entries that end with a zero byte, each a word, blanks and a value. Of an entry given twice the last counts, and
    /// unknown ones count for nothing, as with libxl.
    /// </summary>
    public static BootLoaderResult Parse(ReadOnlySpan<byte> output)
    {
        var result = new BootLoaderResult(null, null, null);
        foreach (var range in output.Split((byte)0))
        {
            var entry = Encoding.UTF8.GetString(output[range]);
            var end = entry.AsSpan().IndexOfAny(" \t\n\r\v\f");
            if (end < 0)
                continue;
            var value = entry[end..].TrimStart();
            result = entry[..end] switch
            {
                "kernel" => result with { Kernel = value },
                "ramdisk" => result with { Ramdisk = value },
                "args" => result with { CommandLine = value },
                _ => result,
            };
        }
        return result;
    }
}
