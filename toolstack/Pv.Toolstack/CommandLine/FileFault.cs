namespace Pv.Toolstack.CommandLine;

/// <summary>Why a file cannot be opened, in the words that people know from other programs.</summary>
internal static class FileFault
{
    /// <param name="path">The file.</param>
    /// <param name="fault">What came of opening it: an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.</param>
    public static string Reason(string path, Exception fault) => fault switch
    {
        FileNotFoundException or DirectoryNotFoundException => "No such file or directory",
        UnauthorizedAccessException => Directory.Exists(path) ? "Is a directory" : "Permission denied",
        _ => fault.Message,
    };
}
