using System.Text;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Configuration files that a command is told of.</summary>
internal static class ConfigFiles
{
    /// <summary>Libxl's ERROR_FAIL, negated.</summary>
    private const int Fail = 3;

    private const int LongestFile = 1 << 20;

    /// <summary>The file's text, read by <c>xl</c> itself where the name means another file there than here.</summary>
    /// <exception cref="ToolstackException">It cannot be read.</exception>
    public static async Task<string> ReadConfigFileAsync(this CommandContext context, string file, int exitCode = Fail)
    {
        try
        {
            if (IsOnlyThere(file))
                return Encoding.UTF8.GetString(await context.Terminal.ReadFileAsync(file, LongestFile));
            var place = Place(context, file);
            if (Directory.Exists(place))
                throw new IOException("Is a directory");
            // Not File.ReadAllBytes alone: a pipe has no length, and an endless file should not end pvd.
            await using var open = new FileStream(place, FileMode.Open, FileAccess.Read);
            using var content = new MemoryStream();
            var chunk = new byte[1 << 14];
            while (await open.ReadAsync(chunk, context.Terminal.Gone) is > 0 and var read && content.Length <= LongestFile)
                content.Write(chunk, 0, read);
            return content.Length > LongestFile ? throw new IOException("File too large") : Encoding.UTF8.GetString(content.ToArray());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException($"Failed to read config file: {file}: {FileFault.Reason(Place(context, file), e)}", exitCode);
        }
    }

    private static string Place(CommandContext context, string file) => Path.GetFullPath(Path.Combine(context.Terminal.Directory, file));

    /// <summary>A name that means another file to <c>xl</c> than to <c>pvd</c>.</summary>
    private static bool IsOnlyThere(string file)
        => file is "-" or "/dev/stdin" || file.StartsWith("/dev/fd/", StringComparison.Ordinal) || file.StartsWith("/proc/self/", StringComparison.Ordinal);
}
