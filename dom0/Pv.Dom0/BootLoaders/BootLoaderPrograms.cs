using Pv.Backends.Programs;

namespace Pv.Dom0.BootLoaders;

/// <summary>Where boot loaders are.</summary>
internal static class BootLoaderPrograms
{
    /// <summary>Where distributions put Xen's own programs: pygrub is one of them.</summary>
    private static readonly string[] XenFolders = ["/usr/lib/xen/bin", "/usr/libexec/xen/bin", "/usr/local/lib/xen/bin", "/usr/local/libexec/xen/bin", "/usr/lib/xen-common/bin"];

    /// <summary>Finds a program as xl does: a name among Xen's own programs, then on the path of programs; a path as it is. Null: it is nowhere.</summary>
    /// <param name="program">As the configuration names it.</param>
    /// <param name="directory">Where relative paths begin.</param>
    public static string? Find(string program, string directory)
    {
        if (program.Contains('/'))
        {
            var path = Path.GetFullPath(Path.Combine(directory, program));
            return File.Exists(path) ? path : null;
        }
        return Folders().Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? OutsideProgram.Find(program);
    }

    /// <summary>Debian has a folder a version of Xen: the newest first.</summary>
    private static IEnumerable<string> Folders()
        => [.. XenFolders, .. Directory.Exists("/usr/lib") ? Directory.GetDirectories("/usr/lib", "xen-*").OrderDescending(StringComparer.Ordinal).Select(folder => Path.Combine(folder, "bin")) : []];
}
