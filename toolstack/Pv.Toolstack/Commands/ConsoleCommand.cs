using Pv.Config.Devices;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl console</c>: a domain's console on this terminal, scrollback first, across the domain's restarts.</summary>
internal static class ConsoleCommand
{
    /// <summary>Ctrl-].</summary>
    public const byte UsualEscape = 0x1d;

    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        var domain = await context.FindAsync(words.Rest[0]);
        var number = 0;
        if (words.Argument('n') is { } digits && !int.TryParse(digits, out number))
            throw new ToolstackException($"'{digits}' is not the number of a console.");
        if (words.Argument('t') is { } type && type != "pv")
        {
            throw new ToolstackException(type is "serial" or "vuart"
                ? $"Domain {domain.Name} has no console of type {type}: a paravirtualized domain has only pv."
                : "console type supported are: pv, serial, vuart", type is "serial" or "vuart" ? 1 : 2);
        }
        var escape = Escape(words.Argument('e'));
        if (context.Toolstack.Consoles.Attach(domain.Id, number) is { } console)
        {
            await using var followed = new FollowedConsole(context.Toolstack, domain.Id, console, successor => context.Toolstack.Consoles.Attach(successor, number));
            return await RunAsync(context, followed, escape);
        }
        var channel = number == 0 ? null : (await context.Toolstack.Channels.ListChannelsAsync(domain.Id)).FirstOrDefault(channel => channel.Number == number);
        throw new ToolstackException(channel is { Connection: ChannelConnection.Socket }
            ? $"Channel {channel.Name} of domain {domain.Name} is a socket: programs connect to {channel.Path}."
            : $"Domain {domain.Name} has no console {number}.");
    }

    /// <summary>
    /// Connects a console with the terminal, and then those of the domains that restarts make of this one, until the last is gone or the user
    /// leaves.
    /// </summary>
    public static async Task<int> RunAsync(CommandContext context, FollowedConsole attached, byte escape = UsualEscape)
    {
        await context.FlushAsync();
        await using var input = await context.Terminal.OpenInputAsync(raw: true, escape);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(await context.Terminal.TakeSignalsAsync(), context.Terminal.Gone);
        var showing = ShowAsync(context.Terminal, attached, end.Token);
        var typing = TypeAsync(input, attached, end.Token);
        await Task.WhenAny(showing, typing);
        await end.CancelAsync();
        await Task.WhenAll(showing, typing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var task in (Task[])[showing, typing])
        {
            if (task is { IsFaulted: true, Exception.InnerException: not OperationCanceledException and { } fault })
                throw new ToolstackException($"The console broke off: {fault.Message}");
        }
        if (context.Terminal.Facts.Terminals.HasFlag(StandardStreams.Input))
            await context.PrintAsync("");
        return 0;
    }

    private static async Task ShowAsync(ICommandTerminal terminal, IConsoleReader console, CancellationToken cancel)
    {
        var chunk = new byte[8192];
        while (await console.ReadAsync(chunk, cancel) is > 0 and var read)
            await terminal.WriteAsync(StandardStreams.Output, chunk.AsMemory(0, read)).AsTask().WaitAsync(cancel);
    }

    /// <summary>Ends at the escape character, and at the end of input that is no terminal.</summary>
    public static async Task TypeAsync(ITerminalInput input, IConsoleReader console, CancellationToken cancel)
    {
        var chunk = new byte[1024];
        while (await input.ReadAsync(chunk, cancel) is > 0 and var read)
            await console.WriteAsync(chunk.AsMemory(0, read), cancel);
    }

    /// <summary><c>x</c> is the character x, <c>^x</c> Ctrl-x.</summary>
    private static byte Escape(string? word) => word switch
    {
        null or "" => UsualEscape,
        ['^', var letter, ..] when letter < 128 => (byte)(letter & 0x1f),
        [var letter, ..] when letter < 128 => (byte)letter,
        _ => throw new ToolstackException($"'{word}' is no character to leave with."),
    };
}
