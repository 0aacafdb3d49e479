using System.Diagnostics;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.Linux;

/// <summary>Debian's kernels, and an initramfs for them: that of <c>examples/linux</c> with the programs of the tests.</summary>
internal static partial class LinuxFiles
{
    private static readonly Lazy<string> Programs = new(() => MakeFolder("pv-programs-"));
    private static readonly Lazy<string> Packed = new(() => Pack(("bin/storm", Compile("storm")), ("bin/numbers", Compile("numbers"))));

    /// <summary>The kernel of a flavour, as the package has it.</summary>
    /// <param name="flavour"><c>cloud-amd64</c> or <c>amd64</c>.</param>
    public static string Kernel(string flavour) => DebianPackages.FetchNewest(
        "linux-image-6.1.",
        flavour == "amd64" ? Plain() : Cloud(),
        "boot/vmlinuz-*");

    /// <summary>The modules for an ext4 file system on a disk, which the initramfs of <c>examples/linux</c> loads; some kernels have most of them built in.</summary>
    public static (string Name, string Path)[] DiskModules(string flavour) =>
    [
        .. ((string[])["crypto/crc32c_generic", "lib/crc16", "lib/libcrc32c", "fs/mbcache", "fs/jbd2/jbd2", "fs/ext4/ext4", "drivers/block/xen-blkfront"])
            .Select((module, order) => ($"modules/{order}-{Path.GetFileName(module)}.ko", Module($"{module}.ko", flavour)))
            .Where(module => File.Exists(module.Item2)),
    ];

    /// <summary>busybox, with <c>/bin/storm</c> and <c>/bin/numbers</c>.</summary>
    public static string Initramfs => Packed.Value;

    /// <summary>A static busybox, which runs on this host, too.</summary>
    public static string Busybox => DebianPackages.Fetch("busybox-static", "bin/busybox");

    /// <summary>Compiles one of the programs beside this file. Returns its path.</summary>
    public static string Compile(string program)
    {
        var output = Path.Combine(Programs.Value, program);
        string[] options = ["-O2", "-Wall", "-nostdlib", "-static", "-ffreestanding", "-fno-stack-protector", "-fcf-protection=none", "-no-pie", "-fno-pie"];
        var compiler = Command.Run("gcc", [.. options, "-o", output, $"{program}.c"], Path.Combine(Repository.Root, "tests/Pv.SystemTests/Linux/Programs"));
        Assert.That(compiler.ExitCode, Is.Zero, compiler.Errors);
        return output;
    }

    /// <summary>Packs an initramfs of busybox and further files, which lasts as long as this process.</summary>
    /// <param name="files">What they are called there, and where they are here.</param>
    public static string Pack(params (string Name, string Path)[] files)
    {
        var output = Path.Combine(MakeFolder("pv-initramfs-"), "initramfs");
        Pack([], output, files);
        return output;
    }

    /// <summary>Makes a disk with an ext4 file system, of busybox and further files.</summary>
    /// <param name="output">Where; a raw image.</param>
    /// <param name="size">As mke2fs has it: <c>64M</c>.</param>
    /// <param name="files">What they are called there, and where they are here.</param>
    public static void PackDisk(string output, string size, params (string Name, string Path)[] files) => Pack(["-d", size], output, files);

    /// <summary>A folder that lasts as long as this process.</summary>
    private static string MakeFolder(string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix).FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }

    private static void Pack(string[] options, string output, (string Name, string Path)[] files)
    {
        var extra = Directory.CreateTempSubdirectory("pv-files-").FullName;
        try
        {
            foreach (var (name, path) in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(extra, name))!);
                File.Copy(path, Path.Combine(extra, name));
            }
            var start = new ProcessStartInfo(Path.Combine(Repository.Root, "examples/linux/pack"), [.. options, Busybox, output, extra]);
            if (options.Length > 0)
                start.Environment["PATH"] = DebianPrograms.Ext4.SearchPath;
            var pack = Command.Run(start);
            Assert.That(pack.ExitCode, Is.Zero, pack.Errors);
        }
        finally
        {
            Directory.Delete(extra, recursive: true);
        }
    }

    /// <summary>A module of a kernel.</summary>
    /// <param name="path">Below <c>kernel</c>.</param>
    /// <param name="flavour"><c>cloud-amd64</c> or <c>amd64</c>.</param>
    public static string Module(string path, string flavour = "cloud-amd64")
    {
        var image = Kernel(flavour);
        var version = Path.GetFileName(image)["vmlinuz-".Length..];
        return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(image)!, "..", "lib", "modules", version, "kernel", path));
    }

    [GeneratedRegex("^linux-image-6\\.1\\.0-(\\d+)-cloud-amd64$")]
    private static partial Regex Cloud();

    [GeneratedRegex("^linux-image-6\\.1\\.0-(\\d+)-amd64$")]
    private static partial Regex Plain();
}
