using Pv.Config;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Configuration files that a command is told of.</summary>
internal static class ConfigFiles
{
    /// <summary>Libxl's ERROR_FAIL, negated.</summary>
    private const int Fail = 3;

    /// <summary>The file's text, read by <c>xl</c> itself where the name means another file there than here.</summary>
    /// <exception cref="ToolstackException">It cannot be read.</exception>
    public static async Task<string> ReadConfigFileAsync(this CommandContext context, string file, int exitCode = Fail)
    {
        try
        {
            if (IsOnlyThere(file))
                return BoundedFile.Text(await context.Terminal.ReadFileAsync(file, BoundedFile.MostConfigurationBytes));
            return BoundedFile.Text(await BoundedFile.ReadAsync(Place(context, file), BoundedFile.MostConfigurationBytes, context.Terminal.Gone));
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
