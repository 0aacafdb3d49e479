using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>Does one command.</summary>
/// <returns>Its exit code.</returns>
public delegate Task<int> CommandHandler(CommandRequest request, ICommandTerminal terminal);

/// <summary>One conversation with an <c>xl</c>: greeting, command, exit code.</summary>
public static class ControlConnection
{
    /// <summary>How long the other side may take to greet; nobody holds a connection without saying anything.</summary>
    private static readonly TimeSpan GreetingTime = TimeSpan.FromSeconds(10);

    /// <summary>Serves it to its end. What the other side does wrong ends the conversation with a sentence, and nothing else.</summary>
    public static async Task ServeAsync(FrameChannel channel, string program, CommandHandler run, CancellationToken stop)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(stop);
        try
        {
            if (await GreetAsync(channel, program, gone.Token) is not { } request)
                return;
            await ConverseAsync(channel, request, run, gone);
        }
        catch (ControlProtocolException e)
        {
            await gone.CancelAsync();
            await TryRefuseAsync(channel, e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The other side left, or pvd stops: nobody is there to be told.
            await gone.CancelAsync();
        }
        finally
        {
            await channel.CompleteAsync();
        }
    }

    private static async Task<CommandRequest?> GreetAsync(FrameChannel channel, string program, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(GreetingTime);
        if (await channel.ReadAsync(patience.Token) is not { } first)
            return null;
        if (first.Kind != FrameKind.Hello)
            throw new ControlProtocolException("The conversation does not begin with a greeting.");
        var own = new Greeting(ControlProtocol.Version, program);
        if (Greeting.Mismatch(Greeting.Parse(first.Payload), own) is { } mismatch)
            throw new ControlProtocolException(mismatch);
        await channel.WriteAsync(own.ToFrame(), cancel);
        if (await channel.ReadAsync(patience.Token) is not { } second)
            return null;
        return second.Kind == FrameKind.Command
            ? CommandRequest.Parse(second.Payload)
            : throw new ControlProtocolException("A greeting is followed by something else than a command.");
    }

    private static async Task ConverseAsync(FrameChannel channel, CommandRequest request, CommandHandler run, CancellationTokenSource gone)
    {
        using var terminal = new RemoteTerminal(channel, request, gone.Token);
        // On a thread of its own: a command that computes for long must not keep this from hearing that xl has left.
        var command = Task.Run(() => run(request, terminal), CancellationToken.None);
        var listening = ListenAsync(channel, terminal, gone.Token);
        try
        {
            if (await Task.WhenAny(command, listening) == listening)
                await listening;
            else
                await channel.WriteAsync(new PayloadWriter(FrameKind.Exit).S32(await command), gone.Token);
        }
        finally
        {
            await gone.CancelAsync();
            // Neither may run on behind a conversation that is over, whatever ended it.
            await Task.WhenAll(command, listening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Returns when the other side has closed.</summary>
    private static async Task ListenAsync(FrameChannel channel, RemoteTerminal terminal, CancellationToken cancel)
    {
        while (await channel.ReadAsync(cancel) is { } frame)
            await terminal.TakeAsync(frame);
    }

    private static async Task TryRefuseAsync(FrameChannel channel, string sentence)
    {
        try
        {
            using var patience = new CancellationTokenSource(GreetingTime);
            await channel.WriteAsync(new PayloadWriter(FrameKind.Refused).Text(sentence), patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // It has left already.
        }
    }
}
