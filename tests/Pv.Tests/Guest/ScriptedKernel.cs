using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest;

/// <summary>A C# kernel whose code is a test's.</summary>
internal sealed class ScriptedKernel(Func<GuestContext, Task> main, Func<GuestContext, ShutdownReason, Task>? stop = null) : GuestKernel
{
    protected internal override Task MainAsync(GuestContext guest) => main(guest);

    protected internal override Task StopAsync(GuestContext guest, ShutdownReason reason) => stop?.Invoke(guest, reason) ?? base.StopAsync(guest, reason);
}
