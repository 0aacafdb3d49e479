using Pv.Machine;

namespace Pv.Hypervisor.Stepping;

/// <summary>A host thread of a machine that is stepped: it runs when it has the turn. Whoever has the turn reads and writes this.</summary>
internal sealed class Strand(Stepper stepper, string name)
{
    public const ulong Never = ulong.MaxValue;

    public Stepper Stepper { get; } = stepper;

    public string Name { get; } = name;

    /// <summary>Given the turn.</summary>
    public HostSignal Turn { get; } = new();

    /// <summary>What it waits for; null while it can go on.</summary>
    public Func<bool>? Ready { get; private set; }

    /// <summary>What it waits for, in words; empty while it can go on.</summary>
    public string WaitsFor { get; private set; } = "";

    /// <summary>When it no longer waits.</summary>
    public ulong Deadline { get; private set; } = Never;

    /// <summary>It waits for something to do; others that wait are in the middle of something.</summary>
    public bool IsIdle { get; private set; }

    /// <summary>It goes on only when nobody else can without time passing.</summary>
    public bool IsLast { get; private set; }

    public bool HasEnded { get; set; }

    public bool CanGoOn(ulong now) => !HasEnded && (IsLast ? now >= Deadline : Ready is null || now >= Deadline || Ready());

    public void Wait(Func<bool> ready, string what, ulong deadline, bool idle = false)
        => (Ready, WaitsFor, Deadline, IsIdle) = (ready, what, deadline, idle);

    public void WaitForQuiet(ulong deadline) => (IsLast, WaitsFor, Deadline) = (true, "quiet", deadline);

    public void GoOn() => (Ready, WaitsFor, Deadline, IsIdle, IsLast) = (null, "", Never, false, false);
}
