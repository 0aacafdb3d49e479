using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.BootLoaders;

/// <summary>Boot loaders of a few lines of shell: how they are called, what they may answer, and how they end.</summary>
[TestFixture]
public sealed class BootLoaderTests
{
    private const string Options = "for word; do case $word in --output=*) out=${word#*=};; --output-directory=*) folder=${word#*=};; esac; done";

    private static string Pvgrub => DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin");

    [Test]
    public async Task It_is_called_as_libxl_calls_it_and_boots_what_it_says()
    {
        await using var host = await PvHost.StartAsync();
        await using var run = host.OpenXl("run", Write(host, $$"""
            printf 'words:'; printf ' <%s>' "$@"; echo; test -t 0 && test -t 1 && test -t 2 && echo "terminal $TERM in $(pwd)"
            printf 'which? '; read which
            cp {{Pvgrub}} $folder/kernel
            printf 'kernel %s\0args  chosen=%s\0frobnicate x\0' $folder/kernel $which > $out
            """, "kernel=\"in-the-disk\"\nextra=\"quiet\"\nbootloader_args=[\"-q\", \"two words\"]"), "-x", "which? ", "-s", "seven", "-x", "grub> ");

        var text = await run.ExpectAsync("has shown all that was expected");
        Assert.That(await run.ExitAsync(), Is.Zero);
        Assert.That(text, Does.Contain($"words: <--kernel=in-the-disk> <--args=quiet> <--output={host.Folder}/1/bootloader.out> <--output-format=simple0> "
            + $"<--output-directory={host.Folder}/1/bootloader.d> <-q> <two words> <{host.Folder}/disk.img>"));
        Assert.That(text, Does.Contain("terminal vt100 in "));
        await host.Daemon.ExpectAsync("chose kernel");
        await host.Daemon.ExpectAsync("args 'chosen=seven'");
    }

    [TestCase("echo 'no entry fits'; exit 7", "it ended with exit code 7: no entry fits")]
    [TestCase("exit 0", "has named no kernel")]
    [TestCase("printf 'kernel /nowhere/kernel\\0' > $out", "failed to open file '/nowhere/kernel'")]
    [TestCase("rm $out", "what it says of its choice has vanished")]
    [TestCase("head -c 3000000 /dev/zero > $out", "3000000 bytes")]
    [TestCase("(trap '' HUP; sleep 100) & kill -9 $$", "it ended with exit code 137")]
    public async Task One_that_fails_leaves_no_domain(string body, string said)
    {
        await using var host = await PvHost.StartAsync();
        var create = await host.XlAsync("create", Write(host, body));

        Assert.That(create.ExitCode, Is.EqualTo(3));
        Assert.That(create.Errors, Does.Contain(said));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(host.Folder, "1")).Select(Path.GetFileName), Has.None.StartsWith("bootloader"));
    }

    [TestCase("bootloader=\"nosuchprogram\"", "nosuchprogram failed: there is no such program")]
    [TestCase("bootloader=\"./nosuchprogram\"", "./nosuchprogram failed: there is no such file")]
    [TestCase("disk=[]", "it reads the first disk, and the domain has none")]
    [TestCase("disk=[\",,hdc,cdrom\"]", "hdc is an empty drive")]
    public async Task What_cannot_be_run_is_said(string line, string said)
    {
        await using var host = await PvHost.StartAsync();
        var create = await host.XlAsync("create", Write(host, "exit 0"), line);

        Assert.That(create.ExitCode, Is.EqualTo(3));
        Assert.That(create.Errors, Does.Contain(said));
    }

    [Test]
    public async Task Destroying_a_domain_ends_its_boot_loader()
    {
        await using var host = await PvHost.StartAsync();
        await using var create = host.OpenXlAtTerminal("create", "-c", Write(host, "echo waiting; cat"));
        await create.ExpectAsync("waiting");
        await create.SendAsync("echoed\r");
        await create.ExpectAsync("echoed\r\nechoed");

        await host.XlOutputAsync("destroy", "booted");
        await create.ExpectAsync("Domain booted was destroyed before it was built.");
        Assert.That(await create.ExitAsync(), Is.EqualTo(3));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
    }

    /// <summary>A configuration with a boot loader of this body.</summary>
    private static string Write(PvHost host, string body, string more = "")
    {
        var program = host.WriteProgram("loader", $"#!/bin/sh\n{Options}\n{body}\n");
        File.WriteAllBytes(Path.Combine(host.Folder, "disk.img"), new byte[4096]);
        return host.WriteConfiguration("booted", $"name=\"booted\"\nmemory=64\nbootloader=\"{program}\"\ndisk=[\"{host.Folder}/disk.img,raw,xvda,rw\"]\n{more}\n");
    }
}
