using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.XenStore;

/// <summary>Each of Debian's xenstore tools, and pyxs, against the store of a <c>pvd</c> that has a guest and against the store alone.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class StoreToolTests(bool standalone)
{
    private PvHost _host = null!;
    private string _socket = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        if (standalone)
        {
            _host = PvHost.Prepare();
            _socket = Path.Combine(_host.Folder, "tools");
            await _host.StartStoreAsync("--socket", _socket, "--guest", $"1={Path.Combine(_host.Folder, "guest")}");
            return;
        }
        _host = await PvHost.StartAsync(memory: 128);
        _socket = Path.Combine(_host.Folder, "xenstored.socket");
        await _host.XlOutputAsync("create", "-q", _host.WriteSample("guest"));
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _host.DisposeAsync();

    [Test]
    public void Read_write_list_exists_and_rm()
    {
        Assert.That(Run("write", "/t/one", "1", "/t/two words", "").ExitCode, Is.Not.Zero, "no path has blanks");
        Assert.That(Output("write", "/t/one", "1", "/t/two/deep", "a b"), Is.Empty);
        Assert.That(Output("read", "/t/one", "/t/two/deep"), Is.EqualTo("1\na b\n"));
        Assert.That(Output("read", "-p", "/t/one"), Is.EqualTo("/t/one: 1\n"));
        Assert.That(Output("read", "-R", "/t/one"), Is.EqualTo("1"));
        Assert.That(Output("list", "/t"), Is.EqualTo("one\ntwo\n"));
        Assert.That(Run("exists", "/t/two/deep").ExitCode, Is.Zero);
        Assert.That(Run("exists", "/t/three").ExitCode, Is.EqualTo(1));
        Assert.That(Output("rm", "/t/one"), Is.Empty);
        Assert.That(Output("list", "/t"), Is.EqualTo("two\n"));
        var missing = Run("read", "/t/one");
        Assert.That(missing.ExitCode, Is.EqualTo(1));
        Assert.That(missing.Errors, Is.EqualTo("xenstore-read: couldn't read path /t/one\n"));
    }

    [Test]
    public void Rm_takes_the_parents_that_it_leaves_empty()
    {
        Output("write", "/p/a/b/c", "x");
        Output("rm", "-t", "/p/a/b/c");
        Assert.That(Run("exists", "/p").ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void Ls_shows_the_tree_with_values_and_permissions()
    {
        Output("write", "/l/a", "1", "/l/a/b", "two", "/l/c", "");
        Assert.That(Output("ls", "-f", "/l"), Is.EqualTo("/l/a = \"1\"\n/l/a/b = \"two\"\n/l/c = \"\"\n"));
        Assert.That(Output("ls", "/l"), Is.EqualTo("a = \"1\"\n b = \"two\"\nc = \"\"\n"));
        Output("chmod", "/l/a", "r0", "b0");
        Assert.That(Output("ls", "-f", "-p", "/l"), Does.Match("^/l/a = \"1\" [ .]*\\(r0,b0\\)\n/l/a/b = \"two\" [ .]*\\(n0\\)\n/l/c = \"\" [ .]*\\(n0\\)\n$"));
        Output("chmod", "-r", "/l", "w0");
        Assert.That(Output("ls", "-f", "-p", "/l"), Does.Match("^/l/a .*\\(w0\\)\n/l/a/b .*\\(w0\\)\n/l/c .*\\(w0\\)\n$"));
        Assert.That(Run("chmod", "/l/a", "x0").ExitCode, Is.Not.Zero);
    }

    [Test]
    public void A_directory_that_needs_several_messages_is_listed_whole()
    {
        var names = Enumerable.Range(0, 1200).Select(i => $"entry{i}").ToList();
        foreach (var part in names.Chunk(200))
            Output("write", [.. part.SelectMany(name => new[] { $"/many/{name}", "x" })]);
        Assert.That(Output("list", "/many").Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(names));
    }

    [Test]
    public async Task Watch_tells_of_changes_as_they_happen()
    {
        Output("write", "/w/a", "0");
        await using var watch = Session.Start(XenStoreTools.Tool("watch", _socket, ["-n", "3", "/w/a", "/w/b"]));
        await watch.ExpectAsync("/w/a\n");
        await watch.ExpectAsync("/w/b\n");
        Output("write", "/w/c", "1", "/w/a/deeper", "1");
        await watch.ExpectAsync("/w/a/deeper\n");
        Assert.That(await watch.ExitAsync(), Is.Zero);
        Assert.That(watch.Shown, Does.Not.Contain("/w/c"));
    }

    [Test]
    public void Control_speaks_with_the_daemon()
    {
        Assert.That(Output("control", "check"), Does.StartWith("OK"));
        Assert.That(Output("control", "help"), Does.Contain("log\ton|off").And.Contain("print\t<string>"));
        Assert.That(Output("control", "print", "hello"), Does.StartWith("OK"));
        Assert.That(Output("control", "quota"), Does.Contain("Nodes per domain"));
        var unknown = Run("control", "dance");
        Assert.That(unknown.ExitCode, Is.EqualTo(3));
        Assert.That(unknown.Errors, Does.StartWith("Command not supported."));
    }

    [Test]
    public void The_python_client_does_all_that_it_can()
    {
        var done = Command.Run(XenStoreTools.Python("pyxs_client.py", _socket));
        Assert.That(done.ExitCode, Is.Zero, done.Output + done.Errors);
        Assert.That(done.Output, Does.EndWith("all done\n"), done.Errors);
    }

    private Command Run(string tool, params string[] words) => XenStoreTools.Run(tool, _socket, words);

    private string Output(string tool, params string[] words) => XenStoreTools.Output(tool, _socket, words);
}
