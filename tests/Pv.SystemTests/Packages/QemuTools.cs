namespace Pv.SystemTests.Packages;

/// <summary>qemu-nbd and qemu-img: this host's, or those of Debian's package with the libraries that this host lacks.</summary>
public static class QemuTools
{
    private static readonly Lazy<string> Found = new(() => InPath() ?? FromPackages());

    /// <summary>The folder of both programs.</summary>
    public static string Folder => Found.Value;

    /// <summary>A path of programs that begins with <see cref="Folder"/>.</summary>
    public static string SearchPath => $"{Folder}:{Environment.GetEnvironmentVariable("PATH")}";

    /// <summary>Runs qemu-img, which is to succeed.</summary>
    /// <returns>What it printed.</returns>
    public static string Image(params string[] words)
    {
        var run = TryImage(words);
        return run.ExitCode == 0 ? run.Output : throw new InvalidOperationException($"qemu-img {string.Join(' ', words)}: {run.Errors}");
    }

    /// <summary>Runs qemu-img.</summary>
    public static Command TryImage(params string[] words) => Command.Run(Path.Combine(Folder, "qemu-img"), words, Path.GetTempPath());

    private static string? InPath()
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').FirstOrDefault(folder => File.Exists(Path.Combine(folder, "qemu-nbd")) && File.Exists(Path.Combine(folder, "qemu-img")));

    // Programs of the package, as they are where this host has their libraries, otherwise behind scripts that name those of the packages.
    private static string FromPackages()
    {
        var programs = Path.GetDirectoryName(DebianPackages.Fetch("qemu-utils", "usr/bin/qemu-nbd"))!;
        var linked = Command.Run("ldd", [Path.Combine(programs, "qemu-nbd"), Path.Combine(programs, "qemu-img")], programs);
        if (!linked.Output.Contains("not found", StringComparison.Ordinal))
            return programs;

        var libraries = string.Join(':', DebianPackages.LibrariesOf("qemu-utils"));
        var wrappers = Directory.CreateTempSubdirectory("pv-qemu-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(wrappers, recursive: true);
        foreach (var name in (string[])["qemu-nbd", "qemu-img"])
        {
            var wrapper = Path.Combine(wrappers, name);
            File.WriteAllText(wrapper, $"#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {Path.Combine(programs, name)} \"$@\"\n");
            Command.Run("chmod", ["+x", wrapper], wrappers);
        }
        return wrappers;
    }
}
