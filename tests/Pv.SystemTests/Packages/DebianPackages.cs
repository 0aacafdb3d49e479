using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Pv.SystemTests.Packages;

/// <summary>
/// Files of Debian packages, fetched and unpacked without being installed, into a folder of the user's cache
/// (<c>$XDG_CACHE_HOME/pv-tests</c>). A test that needs one is ignored where there is no Debian to ask, but fails in CI.
/// </summary>
public static class DebianPackages
{
    // A mirror that hiccups is asked again, by apt-get and by this.
    private static readonly string[] Patient = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=5", "-o", "Acquire::http::Timeout=60"];
    private const int Tries = 3;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private static readonly Lock Fetching = new();

    private static string Cache => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "pv-tests");

    // Package lists of our own, since a user may not refresh the system's, and an image may have none.
    private static string[] OwnLists => ["-o", $"Dir::State::lists={Path.Combine(Cache, "lists")}", "-o", $"Dir::Cache={Path.Combine(Cache, "apt")}"];

    /// <summary>The path of a package's file.</summary>
    /// <param name="package">The package's name.</param>
    /// <param name="file">The file's path within it; a <c>*</c> may stand for a part of a name.</param>
    public static string Fetch(string package, string file)
    {
        lock (Fetching)
        {
            RequireDebian();
            return FileIn(Unpacked(package), file);
        }
    }

    /// <summary>The same, from the newest of several packages.</summary>
    /// <param name="prefix">What their names start with.</param>
    /// <param name="names">Which names count; the first group is the number by which to compare them.</param>
    /// <param name="file">The file's path within it; a <c>*</c> may stand for a part of a name.</param>
    public static string FetchNewest(string prefix, Regex names, string file)
    {
        lock (Fetching)
        {
            RequireDebian();
            var newest = Newest(prefix, names, []) ?? Newest(prefix, names, Refreshed());
            if (newest is null)
                Missing($"No package matches {names}.");
            return FileIn(Unpacked(newest!), file);
        }
    }

    /// <summary>The folders of the shared libraries that a package's programs need, but for those of the C library itself.</summary>
    public static IReadOnlyList<string> LibrariesOf(string package)
    {
        lock (Fetching)
        {
            RequireDebian();
            string[] words = ["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", package];
            return
            [
                .. Command.Run("apt-cache", words, Cache).Output.Split('\n')
                    .Where(line => line.Length > 0 && char.IsAsciiLetterLower(line[0]) && line != package && line is not ("libc6" or "libgcc-s1") && !line.StartsWith("gcc-", StringComparison.Ordinal))
                    .Select(Unpacked)
                    .SelectMany(folder => (string[])[Path.Combine(folder, "lib"), Path.Combine(folder, "usr", "lib")])
                    .Where(Directory.Exists)
                    .SelectMany(folder => Directory.EnumerateDirectories(folder, "*-linux-gnu")),
            ];
        }
    }

    private static string? Newest(string prefix, Regex names, string[] options) =>
        Command.Run("apt-cache", [.. options, "pkgnames", prefix], Cache).Output
            .Split('\n')
            .Select(n => names.Match(n))
            .Where(m => m.Success)
            .MaxBy(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))?.Value;

    // Unpacked beside its place and then moved, so that what is there is whole.
    private static string Unpacked(string package)
    {
        var folder = Path.Combine(Cache, "packages", package);
        if (Directory.Exists(folder))
            return folder;

        var scratch = Directory.CreateDirectory(Path.Combine(Cache, "packages", $".{package}-{Environment.ProcessId}")).FullName;
        try
        {
            var failure = Download(package, scratch, []);
            for (var tries = 0; failure is not null && tries < Tries; tries++)
            {
                if (tries > 0)
                    Thread.Sleep(Pause);
                failure = Download(package, scratch, Refreshed());
            }
            if (failure is not null)
                Missing($"The package {package} could not be fetched: {failure}");
            var archive = Directory.GetFiles(scratch, "*.deb").Single();
            var content = Path.Combine(scratch, "content");
            var unpack = Command.Run("dpkg-deb", ["-x", archive, content], scratch);
            if (unpack.ExitCode != 0)
                Missing($"The package {package} could not be unpacked: {unpack.Errors}");
            try
            {
                Directory.Move(content, folder);
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                // Another run of the tests was faster.
            }
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }

        return folder;
    }

    // Returns what went wrong, or null.
    private static string? Download(string package, string folder, string[] options)
    {
        var download = Command.Run("apt-get", [.. options, .. Patient, "download", package], folder);
        return download.ExitCode == 0 ? null : download.Errors.Trim();
    }

    private static string[] Refreshed()
    {
        Directory.CreateDirectory(Path.Combine(Cache, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(Cache, "apt", "archives", "partial"));
        Command.Run("apt-get", [.. OwnLists, .. Patient, "update"], Cache);
        return OwnLists;
    }

    private static string FileIn(string folder, string file)
    {
        IEnumerable<string> found = [folder];
        foreach (var name in file.Split('/'))
            found = found.Where(Directory.Exists).SelectMany(above => Directory.GetFileSystemEntries(above, name));
        var paths = found.Order(StringComparer.Ordinal).ToList();
        Assert.That(paths, Is.Not.Empty, $"{file} in {folder}");
        return paths[^1];
    }

    private static void RequireDebian()
    {
        Directory.CreateDirectory(Cache);
        if (!File.Exists("/etc/debian_version") || !File.Exists("/usr/bin/apt-get") || !File.Exists("/usr/bin/dpkg-deb"))
            Missing("This host is no Debian.");
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            Assert.Fail(reason);
        Assert.Ignore(reason);
    }
}
