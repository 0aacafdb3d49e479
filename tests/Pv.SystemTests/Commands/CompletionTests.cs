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

    [TestCase("xl cre", "create\tBuild the domain that a configuration file describes, and start it")]
    [TestCase("xl -v unp", "unpause\tLet a paused domain run on")]
    [TestCase("xl list --lo", "--long\tTheir whole configuration as JSON")]
    [TestCase("xl destroy gue", "guest-one")]
    [TestCase("xl console -n 0 gue", "guest-one")]
    [TestCase("xl wait guest-one cra", "crash")]
    [TestCase("xl cpupool-destroy Po", "Pool-0")]
    [TestCase("xl create som", "some.cfg")]
    [TestCase("xl completion b", "bash")]
    public async Task Fish_completes(string line, string word)
    {
        var fish = DebianPackages.Fetch("fish", "usr/bin/fish");
        var functions = DebianPackages.Fetch("fish-common", "usr/share/fish/functions");
        var library = Path.GetDirectoryName(DebianPackages.Fetch("libpcre2-32-0", "usr/lib/*-linux-gnu/libpcre2-32.so.0"));
        await using var shell = _host.OpenShell($"""
            cd '{_host.Folder}'; export PATH='{_host.Folder}':$PATH HOME='{_host.Folder}' LD_LIBRARY_PATH='{library}'
            exec '{fish}' --no-config -c "set fish_function_path '{functions}'; xl completion fish | source; echo '['(complete -C '{line}')']'"
            """);
        await shell.ExpectAsync($"[{word}]");
    }

    [Test]
    public async Task At_a_terminal_the_key_completes_in_zsh()
    {
        var zsh = DebianPackages.Fetch("zsh", "bin/zsh");
        var modules = Path.GetDirectoryName(DebianPackages.Fetch("zsh", "usr/lib/*-linux-gnu/zsh/*/zsh"));
        var functions = DebianPackages.Fetch("zsh-common", "usr/share/zsh/functions");
        var start = Path.Combine(_host.Folder, "start.zsh");
        await File.WriteAllTextAsync(start, $"""
            module_path=({modules}); fpath=({functions} {functions}/Completion {functions}/Completion/*(/N))
            autoload -Uz compinit && compinit -u -D; source <(xl completion zsh); PS1='ready> '; PROMPT_SP=
            """);
        await using var shell = _host.OpenShellAtTerminal($"cd '{_host.Folder}' && HOME='{_host.Folder}' TERM=dumb PATH='{_host.Folder}':$PATH exec '{zsh}' -f -i");
        await shell.SendAsync($"source {start}\n");
        await shell.ExpectAsync("ready> ");
        foreach (var (line, answer) in ((string, string)[])[("xl domid gue\t", "\n1\r\n"), ("xl domna 1", "guest-one"), ("xl wait guest-one runn\t && echo ok-", "\nok-\r\n"), ("xl cpupool-list --js\t Po\t", "\"Pool-0\"")])
        {
            await shell.SendAsync(line + "\n");
            await shell.ExpectAsync(answer);
        }
        await shell.SendAsync("exit\n");
        await shell.ExitAsync();
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
