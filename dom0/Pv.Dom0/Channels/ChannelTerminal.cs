using Pv.Abi;
using Pv.Dom0.Consoles;

namespace Pv.Dom0.Channels;

/// <summary>A channel as one more console of its domain (<c>connection=pty</c>): <c>xl console -n</c> attaches there.</summary>
internal sealed class ChannelTerminal(ConsoleDaemon consoles, DomId domain, int number, ChannelLine line) : IChannelPort
{
    private readonly DomainConsole _console = consoles.Add(domain, number, line);

    public ValueTask HearAsync(ReadOnlyMemory<byte> bytes) => _console.HearAsync(bytes);

    public void BeginEnd()
    {
        // It waits for nobody.
    }

    public ValueTask DisposeAsync() => consoles.RemoveAsync(domain, number);
}
