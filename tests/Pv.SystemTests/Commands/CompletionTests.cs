using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Commands;

/// <summary>Completion as a shell does it, and the manual page as man(1) shows it.</summary>
[TestFixture]
[Platform("Linux")]
public sealed class CompletionTests
{
    private PvHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await PvHost.StartAsync(memory: 128);
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest-one"));
        // A name by which the script finds it.
        File.CreateSymbolicLink(Path.Combine(_host.Folder, "xl"), PvHost.Built("Pv.Xl", "xl"));
        await File.WriteAllTextAsync(Path.Combine(_host.Folder, "some.cfg"), "");
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [TestCase("xl cre", "create")]
    [TestCase("xl val", "validate")]
    [TestCase("xl -v unp", "unpause")]
    [TestCase("xl list --lo", "--long")]
    [TestCase("xl list --j", "--json")]
    [TestCase("xl destroy gue", "guest-one")]
    [TestCase("xl console -n 0 gue", "guest-one")]
    [TestCase("xl wait guest-one cra", "crash")]
    [TestCase("xl trace guest-one sh", "show")]
    [TestCase("xl sched-credit2 -d gue", "guest-one")]
    [TestCase("xl cpupool-destroy Po", "Pool-0")]
    [TestCase("xl cpupool-migrate guest-one Po", "Pool-0")]
    [TestCase("xl create som", "some.cfg")]
    [TestCase("xl run -f som", "some.cfg")]
    [TestCase("xl help metr", "metrics")]
    [TestCase("xl completion b", "bash")]
    [TestCase("xl vcpu-list Domain-0 gue", "guest-one")]
    [TestCase("xl nothing gue", "")]
    public async Task Bash_completes(string line, string word)
    {
        // What bash does at the key: the words, the number of the last, and the function.
        var words = string.Join(' ', line.Split(' '));
        var script = $"""
            cd '{_host.Folder}'; PATH='{_host.Folder}':$PATH; source <("$1" completion bash)
            COMP_WORDS=({words}); COMP_CWORD=$(({line.Split(' ').Length} - 1)); _xl 2>/dev/null; echo "[$COMPREPLY]"
            """;
        await using var shell = _host.OpenShell($"exec bash -c '{script.Replace("'", "'\\''", StringComparison.Ordinal)}' bash \"$1\"");
        await shell.ExpectAsync($"[{word}]");
    }

    [Test]
    public async Task At_a_terminal_the_key_completes()
    {
        await using var shell = _host.OpenShellAtTerminal($"cd '{_host.Folder}' && PATH='{_host.Folder}':$PATH exec bash --norc --noediting -i -o emacs");
        await shell.SendAsync("bind 'set enable-bracketed-paste off'; PS1='ready> '; source <(xl completion bash)\n");
        await shell.ExpectAsync("ready> ");
        await shell.ExpectAsync("ready> ");
        await shell.SendAsync("xl domid gue\t\n");
        await shell.ExpectAsync("\n1\r\n");
        await shell.SendAsync("exit\n");
        await shell.ExitAsync();
    }

    [TestCase("zsh", "-n")]
    [TestCase("fish", "--no-execute")]
    public async Task Other_shells_read_theirs(string shell, string check)
    {
        var script = await _host.XlOutputAsync("completion", shell);
        Assert.That(script, Does.Contain("guest").Or.Contain("unpause"));
        if (!File.Exists($"/usr/bin/{shell}"))
            Assert.Ignore($"There is no {shell}; its script is printed.");
        var path = Path.Combine(_host.Folder, "completion." + shell);
        await File.WriteAllTextAsync(path, script);
        var done = Command.Run(shell, [check, path], _host.Folder);
        Assert.That((done.ExitCode, done.Errors), Is.EqualTo((0, "")));
    }

    [Test]
    public async Task A_shell_that_is_not_known_is_refused()
    {
        var done = await _host.XlAsync("completion", "tcsh");
        Assert.That((done.ExitCode, done.Errors), Is.EqualTo((2, "There is no completion for the shell 'tcsh': bash, zsh, fish.\n")));
    }

    [Test]
    public async Task The_manual_page_is_one()
    {
        var page = await _host.XlOutputAsync("man");
        Assert.That(page, Does.StartWith(".TH XL 1").And.Contain("\n.SS run (Pv's own)\n").And.Contain(".SS create\n"));
        if (!File.Exists("/usr/bin/groff"))
            Assert.Ignore("There is no groff.");
        var path = Path.Combine(_host.Folder, "xl.1");
        await File.WriteAllTextAsync(path, page);
        var shown = Command.Run("groff", ["-man", "-Tascii", "-ww", "-P-c", "-P-b", "-P-u", path], _host.Folder);
        Assert.That((shown.ExitCode, shown.Errors), Is.EqualTo((0, "")));
        Assert.That(shown.Output, Does.Contain("--expect=TEXT").And.Contain("124  the time ran out").And.Contain(@"\r \n \t"));
    }
}
