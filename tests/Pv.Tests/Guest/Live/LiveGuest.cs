using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest.Live;

/// <summary>A running domain and the back end of its console.</summary>
internal sealed class LiveGuest
{
    private readonly LiveMachine _machine;
    private readonly GrantMapping _page;
    private readonly EventChannel _channel;
    private readonly ByteRingChannel _console;
    private readonly StringBuilder _output = new();
    private readonly byte[] _buffer = new byte[2048];

    public LiveGuest(LiveMachine machine, DomId domain, EventPort consolePort)
    {
        _machine = machine;
        Domain = domain;
        _page = machine.Dom0.Grants.Map(domain, new GrantRef(ReservedGrants.Console));
        _channel = machine.Dom0.Events.BindInterdomain(domain, consolePort);
        _console = ByteRingChannel.ConsoleBack(_page.Page, _channel);
    }

    public DomId Domain { get; }

    /// <summary>Everything that the guest wrote and <see cref="ExpectAsync"/> read.</summary>
    public string Output => _output.ToString();

    public ValueTask TypeAsync(string text) => _console.WriteAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Reads the console until a text comes after what was expected before. Returns what came up to its end.</summary>
    public async Task<string> ExpectAsync(string text)
    {
        var from = _output.Length;
        while (true)
        {
            var at = Output.IndexOf(text, StringComparison.Ordinal);
            if (at >= 0)
            {
                var found = Output[..(at + text.Length)];
                _output.Remove(0, found.Length);
                return found;
            }
            var reading = _console.ReadAsync(_buffer).AsTask();
            if (await Task.WhenAny(reading, Task.Delay(LiveMachine.Patience, _machine.Failures.InVain)) != reading)
                Assert.Fail($"'{text}' does not come; the console has '{Output}' (from {from}). {_machine.Core.Log.Read(clear: false)}");
            var read = await reading;
            Assert.That(read, Is.Not.Zero, "the console is closed");
            _output.Append(Encoding.UTF8.GetString(_buffer, 0, read));
        }
    }

    /// <summary>Says a line to a shell and reads up to its next prompt.</summary>
    public async Task<string> SayAsync(string line)
    {
        await TypeAsync(line + "\r");
        return await ExpectAsync("pv> ");
    }

    public Task<ShutdownReason> EndAsync() => _machine.EndOfAsync(Domain);

    /// <summary>Lets go of the console and destroys the domain.</summary>
    public async Task DestroyAsync()
    {
        _channel.Dispose();
        _page.Dispose();
        await _machine.Store.ReleaseAsync(Domain);
        _machine.Destroy(Domain);
    }
}

/// <summary>What tests ask of the store.</summary>
internal static class StoreQuestions
{
    /// <summary>A node's permissions; none for a node that is not there.</summary>
    public static async Task<IReadOnlyList<XenStorePermission>> GetPermissionsOrNoneAsync(this IXenStore store, string path)
        => await store.ReadAsync(path) is null ? [] : await store.GetPermissionsAsync(path);
}
