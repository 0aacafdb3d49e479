using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Linux;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.BootLoaders;

/// <summary>Debian's own pygrub: it reads the menu of an ext4 file system, lets a person choose on the domain's console, and hands over the kernel.</summary>
[TestFixture]
public sealed class PygrubTests
{
    private const string CursorDown = "\eOB";

    private const string Menu =
        """
        set default="0"
        set timeout=60
        menuentry 'Debian' {
            linux /boot/vmlinuz console=hvc0 entry=first
        }
        menuentry 'Debian, the other' {
            linux /boot/vmlinuz console=hvc0 entry=other
        }
        """;

    [Test, CancelAfter(300_000)]
    public async Task It_shows_its_menu_and_boots_what_is_chosen_there()
    {
        await using var host = await PvHost.StartAsync(512);
        var menu = host.WriteConfiguration("menu", Menu);
        var image = Path.Combine(host.Folder, "boot.img");
        LinuxFiles.PackDisk(image, "48M", ("boot/grub/grub.cfg", menu), ("boot/vmlinuz", LinuxFiles.Kernel("cloud-amd64")));
        var configuration = host.WriteConfiguration(
            "pygrub", $"name=\"pygrub\"\nmemory=256\nbootloader=\"{WriteProgram(host)}\"\ndisk=[\"{image},raw,xvda,rw\"]\n");

        await using var console = host.OpenXlAtTerminal("create", "-c", configuration);
        await console.ExpectAsync("Debian, the other");
        Assert.That((await host.FindAsync("pygrub")).State, Does.Contain('p'));
        await console.SendAsync(CursorDown + "\r");
        await console.ExpectAsync("Command line: console=hvc0 entry=other");
        await console.SendAsync(Session.Escape);
        Assert.That(await console.ExitAsync(), Is.Zero);

        Assert.That(await host.XlOutputAsync("logs", "pygrub"), Does.Contain("Debian, the other").And.Contain("entry=other"));
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(host.Folder, "1")).Select(Path.GetFileName), Has.None.StartsWith("bootloader"), "what it took from the disk is read");
        // A restart runs it again: the configuration is what it was.
        Assert.That(await host.XlOutputAsync("list", "-l", "pygrub"), Does.Contain("\"bootloader\"").And.Not.Contain("\"kernel\""));
    }

    /// <summary>pygrub with what it needs of other packages.</summary>
    private static string WriteProgram(PvHost host)
    {
        var pygrub = DebianPackages.Fetch("xen-utils-4.17", "usr/lib/xen-4.17/bin/pygrub");
        var fileSystems = DebianPackages.Fetch("libxenmisc4.17", "usr/lib/xen-4.17/lib/*-linux-gnu/libxenfsimage.so.4.17");
        (string Package, string File)[] needed =
        [
            ("libext2fs2", "lib/*-linux-gnu/libext2fs.so.2"), ("libcom-err2", "lib/*-linux-gnu/libcom_err.so.2"), ("libncursesw6", "lib/*-linux-gnu/libncursesw.so.6"),
            ("libtinfo6", "lib/*-linux-gnu/libtinfo.so.6"), ("libffi8", "usr/lib/*-linux-gnu/libffi.so.8"),
        ];
        string[] libraries = [fileSystems, .. needed.Select(library => DebianPackages.Fetch(library.Package, library.File))];
        var folder = Path.GetDirectoryName(fileSystems)!;
        return host.WriteProgram("pygrub", $"""
            #!/bin/sh
            export {string.Join(' ', DebianPython.Environment().Select(variable => $"{variable.Name}={variable.Value}"))}
            export XEN_FSIMAGE_FSDIR={folder}/xenfsimage XENFSIMAGE_FSDIR={folder}/xenfsimage
            export LD_LIBRARY_PATH={string.Join(':', libraries.Select(Path.GetDirectoryName))}
            exec {DebianPython.Interpreter} {pygrub} "$@"
            """);
    }
}
