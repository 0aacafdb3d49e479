using System.Globalization;
using System.Text;
using Pv.Toolstack.Control;

namespace Pv.Toolstack.Commands;

/// <summary>Tells a person at a terminal what takes so long: one line of error output, written over and over, and gone when the work is done.</summary>
internal static class Progress
{
    private const string ClearLine = "\r\e[K";

    /// <summary>Nothing is shown of what is done sooner.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500), Pace = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits for work, which says nothing itself meanwhile.</summary>
    /// <param name="context">The command.</param>
    /// <param name="doing">What is done, without a full stop.</param>
    /// <param name="work">The work.</param>
    public static async Task<T> WithProgressAsync<T>(this CommandContext context, string doing, Task<T> work)
    {
        await context.WithProgressAsync(doing, (Task)work);
        return await work;
    }

    /// <inheritdoc cref="WithProgressAsync{T}"/>
    public static async Task WithProgressAsync(this CommandContext context, string doing, Task work)
    {
        var isSeen = context.Terminal.Facts.Terminals.HasFlag(StandardStreams.Error) || context.Global.Options.Contains('t');
        if (isSeen && await Task.WhenAny(work, Task.Delay(Patience)) != work)
            await ShowAsync(context, doing, work);
        await work;
    }

    private static async Task ShowAsync(CommandContext context, string doing, Task work)
    {
        await context.FlushAsync();
        var start = TimeProvider.System.GetTimestamp();
        do
        {
            var time = (Patience + TimeProvider.System.GetElapsedTime(start)).TotalSeconds;
            await WriteAsync(context, string.Create(CultureInfo.InvariantCulture, $"{ClearLine}{doing} ... {time:F0} s"));
        }
        while (await Task.WhenAny(work, Task.Delay(Pace)) != work);
        await WriteAsync(context, ClearLine);
    }

    private static async Task WriteAsync(CommandContext context, string text)
    {
        try
        {
            await context.Terminal.WriteAsync(StandardStreams.Error, Encoding.UTF8.GetBytes(text));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // Nobody looks any more; the work hears of that by itself.
        }
    }
}
