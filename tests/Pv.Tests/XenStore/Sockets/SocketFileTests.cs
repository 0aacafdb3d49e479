using System.Net.Sockets;
using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.XenStore.Sockets;

/// <summary>The socket in the file system.</summary>
[TestFixture, Platform("Linux")]
public sealed class SocketFileTests
{
    private SocketStore _store = null!;

    [SetUp]
    public async Task Start() => _store = await SocketStore.StartAsync();

    [TearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [Test]
    public void It_is_its_owners_alone()
    {
        Assert.That(OperatingSystem.IsWindows(), Is.False);
        if (!OperatingSystem.IsWindows())
            Assert.That(File.GetUnixFileMode(_store.ToolPath), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void One_that_is_served_is_left_alone()
    {
        var refused = Assert.ThrowsAsync<IOException>(() => _store.Daemon.ListenAsync(_store.ToolPath, DomId.Dom0));
        Assert.That(refused!.Message, Does.Contain(_store.ToolPath));
        using var tool = _store.OpenTool();
        Assert.That(tool.Ask(XenStoreMessageType.Read, "/tool\0"), Is.Empty);
    }

    [Test]
    public async Task A_dead_one_is_replaced()
    {
        var path = _store.Path("dead");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // Bound by another name, since whoever binds it by this one also removes it.
            dead.Bind(new UnixDomainSocketEndPoint(_store.Path("bound")));
            File.Move(_store.Path("bound"), path);
        }
        await _store.Daemon.ListenAsync(path, DomId.Dom0);
        using var tool = new SocketPeer(path);
        Assert.That(tool.Ask(XenStoreMessageType.Read, "/tool\0"), Is.Empty);
    }

    [Test]
    public void What_is_no_socket_is_left_alone([Values("", "content")] string content)
    {
        var path = _store.Path("file");
        File.WriteAllText(path, content);
        Assert.ThrowsAsync<IOException>(() => _store.Daemon.ListenAsync(path, DomId.Dom0));
        Assert.That(File.ReadAllText(path), Is.EqualTo(content));
    }

    [Test]
    public void A_path_that_cannot_be_is_refused_in_a_sentence()
    {
        foreach (var path in new[] { _store.Path("no/such/folder"), _store.Path(new string('x', 200)) })
            Assert.That(Assert.ThrowsAsync<IOException>(() => _store.Daemon.ListenAsync(path, DomId.Dom0))!.Message, Does.Contain("cannot listen"));
    }

    [Test]
    public async Task It_goes_with_its_daemon_and_so_do_its_connections()
    {
        using var tool = _store.OpenTool();
        tool.Ask(XenStoreMessageType.Read, "/tool\0");
        await _store.Daemon.DisposeAsync();
        tool.ExpectEnd();
        Assert.That(File.Exists(_store.ToolPath), Is.False);
    }
}
