using System.Text.RegularExpressions;

namespace Pv.SystemTests.Packages;

/// <summary>Debian's Python from its packages. It finds its modules in as many folders as there are packages.</summary>
internal static partial class DebianPython
{
    /// <summary>The interpreter.</summary>
    public static string Interpreter => DebianPackages.FetchNewest("python3.", PythonMinimal(), "usr/bin/python3.*");

    /// <summary>What its environment says of its modules.</summary>
    /// <param name="more">Folders of further modules.</param>
    public static IEnumerable<(string Name, string Value)> Environment(params IEnumerable<string> more)
    {
        var version = Path.GetFileName(Interpreter);
        string[] modules =
        [
            FolderOf(DebianPackages.Fetch($"lib{version}-minimal", $"usr/lib/{version}/os.py")),
            FolderOf(DebianPackages.Fetch($"lib{version}-stdlib", $"usr/lib/{version}/queue.py")),
            FolderOf(DebianPackages.Fetch($"lib{version}-stdlib", $"usr/lib/{version}/lib-dynload/_queue*.so")),
        ];
        return
        [
            ("PYTHONHOME", FolderOf(FolderOf(FolderOf(modules[0])))),
            ("PYTHONPATH", string.Join(':', [.. modules, .. more])),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"^python3\.(\d+)-minimal$")]
    private static partial Regex PythonMinimal();
}
