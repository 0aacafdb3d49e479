using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// A C# guest: derive from it, write <see cref="MainAsync"/>, and name the assembly in <c>kernel=</c>. When Main ends the domain powers
/// off; when it throws the domain crashes with that reason.
/// </summary>
/// <remarks>
/// Everything runs in turns on the domain's vCPU: it stops at an <c>await</c> and goes on when what it awaits is there. Await only what
/// <see cref="GuestContext"/> gives; code that comes back on another thread crashes the domain.
/// </remarks>
public abstract class GuestKernel
{
    /// <summary>The guest's program.</summary>
    protected internal abstract Task MainAsync(GuestContext guest);

    /// <summary>
    /// The toolstack asks for an orderly end (<c>control/shutdown</c>). What must be put away is put away here; the domain ends when
    /// this does.
    /// </summary>
    protected internal virtual Task StopAsync(GuestContext guest, ShutdownReason reason) => Task.CompletedTask;
}
