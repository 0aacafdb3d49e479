using System.Text.RegularExpressions;

namespace Pv.Tests.ArchitectureRules;

/// <summary>A source file, for rules that read the text.</summary>
public sealed partial class SourceFile
{
    private static readonly string[] Ignored = ["artifacts", "bin", "obj", ".git"];

    private SourceFile(string path, string text)
    {
        Path = path;
        Text = text;
        Code = CommentOrLiteral().Replace(text, match => match.Value[0] == '/' ? " " : "\"\"");
    }

    /// <summary>From the repository's root, with forward slashes.</summary>
    public string Path { get; }

    /// <summary>The whole text.</summary>
    public string Text { get; }

    /// <summary>The text without comments and without what literals hold.</summary>
    public string Code { get; }

    public int Lines => Text.AsSpan().TrimEnd('\n').Count('\n') + 1;

    public bool IsBelow(string folder) => Path.StartsWith(folder + "/", StringComparison.Ordinal);

    /// <summary>All files of an extension in the repository, build output left out.</summary>
    public static IReadOnlyList<SourceFile> All(string extension) =>
        [.. PathsBelow(Repository.Root, extension).Order(StringComparer.Ordinal).Select(Read)];

    public override string ToString() => Path;

    private static SourceFile Read(string path) =>
        new(System.IO.Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'), File.ReadAllText(path));

    private static IEnumerable<string> PathsBelow(string folder, string extension) =>
        Directory.EnumerateFiles(folder, "*" + extension).Concat(
            Directory.EnumerateDirectories(folder)
                .Where(child => !Ignored.Contains(System.IO.Path.GetFileName(child)))
                .SelectMany(child => PathsBelow(child, extension)));

    // Raw strings, verbatim strings, ordinary strings, characters, and both kinds of comment; what starts first wins.
    [GeneratedRegex("""
        ("{3,})[\s\S]*?\1|@"(?:[^"]|"")*"|\$@"(?:[^"]|"")*"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'|//[^\n]*|/\*[\s\S]*?\*/
        """)]
    private static partial Regex CommentOrLiteral();
}
