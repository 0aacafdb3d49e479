namespace Pv.SystemTests.Packages;

/// <summary>Programs of a Debian package: this host's where it has them, otherwise the package's, unpacked, with the libraries that this host lacks.</summary>
public sealed class DebianPrograms
{
    private readonly string _package, _place;
    private readonly string[] _names;
    private readonly Lazy<string> _folder;

    private DebianPrograms(string package, string place, params string[] names)
    {
        (_package, _place, _names) = (package, place, names);
        _folder = new Lazy<string>(() => OfThisHost() ?? OfThePackage());
    }

    /// <summary>qemu-nbd and qemu-img.</summary>
    public static DebianPrograms Qemu { get; } = new("qemu-utils", "usr/bin", "qemu-nbd", "qemu-img");

    /// <summary>mke2fs, e2fsck and debugfs.</summary>
    public static DebianPrograms Ext4 { get; } = new("e2fsprogs", "sbin", "mke2fs", "e2fsck", "debugfs");

    /// <summary>A path of programs with these in front.</summary>
    public string SearchPath => $"{_folder.Value}:{Environment.GetEnvironmentVariable("PATH")}";

    /// <summary>Runs one of them.</summary>
    public Command Run(string name, params string[] words) => Command.Run(Path.Combine(_folder.Value, name), words, Path.GetTempPath());

    /// <summary>Runs one of them, which is to succeed. Returns what it printed.</summary>
    public string Output(string name, params string[] words)
    {
        var run = Run(name, words);
        return run.ExitCode == 0 ? run.Output : throw new InvalidOperationException($"{name} {string.Join(' ', words)}: {run.Errors}");
    }

    // Some are in the path of root alone.
    private string? OfThisHost() => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':')
        .FirstOrDefault(folder => _names.All(name => File.Exists(Path.Combine(folder, name))));

    private string OfThePackage()
    {
        var programs = Path.GetDirectoryName(DebianPackages.Fetch(_package, Path.Combine(_place, _names[0])))!;
        var linked = Command.Run("ldd", _names.Select(name => Path.Combine(programs, name)), programs);
        if (!linked.Output.Contains("not found", StringComparison.Ordinal))
            return programs;

        // Scripts that name the libraries' folders.
        var libraries = string.Join(':', DebianPackages.LibrariesOf(_package));
        var wrappers = Directory.CreateTempSubdirectory("pv-programs-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(wrappers, recursive: true);
        foreach (var name in _names)
        {
            var wrapper = Path.Combine(wrappers, name);
            File.WriteAllText(wrapper, $"#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {Path.Combine(programs, name)} \"$@\"\n");
            Command.Run("chmod", ["+x", wrapper], wrappers);
        }
        return wrappers;
    }
}
