using Pv.Abi;

namespace Pv.Toolstack.Runs;

/// <summary>Why a run ended. The values are the exit codes of <c>xl run</c>, and stay as they are.</summary>
internal enum RunEnd
{
    /// <summary>All that was expected was shown, or, with nothing expected, the guest has powered off.</summary>
    Good = 0,
    Crashed = 10,
    Watchdog = 11,

    /// <summary>It rebooted, and nothing followed.</summary>
    Rebooted = 12,

    /// <summary>Somebody else destroyed it.</summary>
    Destroyed = 13,

    /// <summary>Another end that the hypervisor knows.</summary>
    Other = 14,

    /// <summary>It powered off, or rebooted into nothing, without having shown what was expected.</summary>
    Missed = 20,
    TimedOut = Commands.Durations.TimedOut,
    Interrupted = 128 + 2,
}

internal static class RunEnds
{
    /// <summary>What a guest's end is to a run of which this was still expected.</summary>
    public static RunEnd Of(ShutdownReason? reason, bool isMissed) => reason switch
    {
        ShutdownReason.Crash => RunEnd.Crashed,
        ShutdownReason.Watchdog => RunEnd.Watchdog,
        null => RunEnd.Destroyed,
        _ when isMissed => RunEnd.Missed,
        ShutdownReason.PowerOff => RunEnd.Good,
        ShutdownReason.Reboot => RunEnd.Rebooted,
        _ => RunEnd.Other,
    };

    /// <summary>The end of a sentence that begins with the domain.</summary>
    public static string Tell(RunEnd end) => end switch
    {
        RunEnd.Crashed => "crashed (xl dmesg has the registers)",
        RunEnd.Watchdog => "was ended by its watchdog",
        RunEnd.Rebooted => "rebooted, and its configuration says not to build it again (or that failed)",
        RunEnd.Destroyed => "was destroyed",
        RunEnd.Missed => "ended",
        RunEnd.TimedOut => "did not end in time",
        RunEnd.Interrupted => "was interrupted",
        RunEnd.Other => "ended in a way that xl run has no word for",
        _ => "powered off",
    };
}
