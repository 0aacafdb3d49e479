using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Files that a command writes.</summary>
internal static class OutputFiles
{
    /// <summary>Makes a file, or empties it. A relative path begins where <c>xl</c> was called.</summary>
    /// <param name="context">The command.</param>
    /// <param name="name">The path.</param>
    /// <param name="what">What is written to it, for the sentence.</param>
    /// <exception cref="ToolstackException">It cannot be written.</exception>
    public static FileStream CreateFile(this CommandContext context, string name, string what)
    {
        try
        {
            return new FileStream(Path.Combine(context.Terminal.Directory, name), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException($"The {what} cannot be written to {name}: {e.Message}");
        }
    }
}
