using Pv.Guest;

namespace Pv.SampleGuests;

/// <summary>The smallest guest: it asks for a name, greets, waits a second, and powers off.</summary>
public sealed class Hello : GuestKernel
{
    protected override async Task MainAsync(GuestContext guest)
    {
        await guest.Console.WriteLineAsync($"I am domain {guest.Domain.Value}, {guest.Memory.FrameCount / 256} MiB.");
        var name = await guest.Console.ReadLineAsync("Who are you? ");
        await guest.Console.WriteLineAsync($"Hello, {name ?? "nobody"}.");
        await guest.Delay(TimeSpan.FromSeconds(1));
    }
}
