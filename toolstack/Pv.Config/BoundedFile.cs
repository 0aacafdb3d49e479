using System.Text;

namespace Pv.Config;

/// <summary>Files of a user's that are read whole: pipes and devices, too, and of one that does not end no more than is asked for.</summary>
public static class BoundedFile
{
    /// <summary>The most bytes of a configuration file.</summary>
    public const int MostConfigurationBytes = 1 << 20;

    private const int ChunkBytes = 1 << 16;

    /// <summary>All bytes of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many it may have.</param>
    /// <exception cref="IOException">It cannot be read, or has more.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] Read(string path, long most)
    {
        using var file = Open(path);
        return Read(file, most);
    }

    /// <summary>All bytes of a file that is open, from its beginning.</summary>
    /// <exception cref="IOException">It cannot be read, or has more.</exception>
    public static byte[] Read(FileStream file, long most)
    {
        var (bytes, count) = Room(file, most);
        while (true)
        {
            int read = file.Read(bytes, count, bytes.Length - count);
            if (read == 0)
                return Trim(bytes, count);
            count += read;
            bytes = Grow(bytes, count, most);
        }
    }

    /// <inheritdoc cref="Read(string, long)"/>
    public static async Task<byte[]> ReadAsync(string path, long most, CancellationToken cancel)
    {
        await using var file = Open(path);
        var (bytes, count) = Room(file, most);
        while (true)
        {
            int read = await file.ReadAsync(bytes.AsMemory(count), cancel).ConfigureAwait(false);
            if (read == 0)
                return Trim(bytes, count);
            count += read;
            bytes = Grow(bytes, count, most);
        }
    }

    /// <summary>The text of a configuration file.</summary>
    /// <exception cref="IOException">It cannot be read, or is too large to be one.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static string ReadConfiguration(string path) => Text(Read(path, MostConfigurationBytes));

    /// <summary>Bytes as text: UTF-8, or what a mark at its beginning says.</summary>
    public static string Text(byte[] bytes)
    {
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static FileStream Open(string path)
        => Directory.Exists(path) ? throw new IOException("Is a directory") : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);

    /// <summary>Room for all of a file that has a length, and for one byte more, by which its end is seen.</summary>
    private static (byte[] Bytes, int Count) Room(FileStream file, long most)
    {
        long length = file.CanSeek ? file.Length : 0;
        if (length > Math.Min(most, Array.MaxLength - 1))
            throw TooLarge();
        return (new byte[length == 0 ? ChunkBytes : length + 1], 0);
    }

    private static byte[] Grow(byte[] bytes, int count, long most)
    {
        if (count > most)
            throw TooLarge();
        if (count == bytes.Length)
            Array.Resize(ref bytes, (int)Math.Min(Array.MaxLength, Math.Min(most + 1, bytes.Length * 2L)));
        return count < bytes.Length ? bytes : throw TooLarge();
    }

    private static byte[] Trim(byte[] bytes, int count)
    {
        Array.Resize(ref bytes, count);
        return bytes;
    }

    private static IOException TooLarge() => new("File too large");
}
