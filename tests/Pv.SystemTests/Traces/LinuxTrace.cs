using System.Text.RegularExpressions;
using Pv.Abi;

namespace Pv.SystemTests.Traces;

/// <summary>Divides the calls of Linux into phases. Each begins with a call that comes once, or for the first time.</summary>
internal static partial class LinuxTrace
{
    private const string BothRun = "both run";

    private sealed record Landmark(string Phase, string Kind, Regex Others);

    // Until the first timer nothing disturbs the kernel but its own notifications to the console.
    private static readonly Landmark[] Boot =
    [
        new("start of day", "", Never()),
        new("memory", "memory_op memory_map", Never()),
        new("processors", "vcpu_op is_up vcpu=0", Never()),
        new("interrupts", "physdev_op pirq_eoi_gmfn_v2", OfEvents()),
        new("time", "vcpu_op stop_periodic_timer vcpu=0", OfTime()),
        new("kernel threads", "xenpmu_op 4", OfThreads()),
    ];

    private static readonly Landmark[] ToTheEnd =
    [
        .. Boot,
        new("devices", "grant_table_op set_version", OfThreads()),
        new("user space", "iret to user", OfThreads()),
        new("end", "xenpmu_op 5", OfThreads()),
    ];

    private static readonly Landmark[] ToTheSecond =
    [
        .. Boot,
        new("the second processor's means", "event_channel_op bind_virq virq=0 vcpu=1", OfThreads()),
        new(BothRun, "vcpu_op up vcpu=1", Always()),
    ];

    private static readonly Landmark[] OfTheSecond =
    [
        new("the second processor's start", "", Never()),
        new(BothRun, "vcpu_op set_singleshot_timer vcpu=1", Always()),
    ];

    /// <summary>The life of a kernel on one vCPU.</summary>
    public static IReadOnlyList<TracePhase> OfOne(IReadOnlyCollection<ObservedCall> calls) => Divide(calls, ToTheEnd);

    /// <summary>The life of a kernel on two vCPUs: the first one until it starts the second, the second one's start, and then both, where it is chance which of them does what.</summary>
    public static IReadOnlyList<TracePhase> OfTwo(IReadOnlyCollection<ObservedCall> calls)
    {
        var first = Divide(calls.Where(call => call.Call.Vcpu == new VcpuId(0)), ToTheSecond);
        var second = Divide(calls.Where(call => call.Call.Vcpu == new VcpuId(1)), OfTheSecond);
        var both = first[^1].Others.Concat(first[^1].Ordered).Concat(second[^1].Others).Concat(second[^1].Ordered);
        return [.. first[..^1], .. second[..^1], new TracePhase(BothRun, [], new SortedSet<string>(both.Select(WithoutPort), StringComparer.Ordinal))];
    }

    // Which processor sends which interrupt to which is chance, too.
    private static string WithoutPort(string kind) => kind.StartsWith("event_channel_op send", StringComparison.Ordinal) ? "event_channel_op send" : kind;

    private static List<TracePhase> Divide(IEnumerable<ObservedCall> calls, Landmark[] landmarks)
    {
        var phases = new List<TracePhase>();
        var ordered = new List<string>();
        var others = new SortedSet<string>(StringComparer.Ordinal);
        var at = 0;
        foreach (var kind in calls.Select(call => CallKind.Of(call.Call)))
        {
            if (at + 1 < landmarks.Length && kind.StartsWith(landmarks[at + 1].Kind, StringComparison.Ordinal))
            {
                phases.Add(new TracePhase(landmarks[at++].Phase, Repetitions.Fold(ordered), others));
                (ordered, others) = ([], new SortedSet<string>(StringComparer.Ordinal));
                ordered.Add(kind);
            }
            else if (landmarks[at].Others.IsMatch(kind))
            {
                others.Add(kind);
            }
            else
            {
                ordered.Add(kind);
            }
        }
        phases.Add(new TracePhase(landmarks[at].Phase, Repetitions.Fold(ordered), others));
        return phases;
    }

    [GeneratedRegex("(?!)")]
    private static partial Regex Never();

    [GeneratedRegex("")]
    private static partial Regex Always();

    [GeneratedRegex("^(event_channel_op send|xen_version version|iret to kernel|sched_op yield)")]
    private static partial Regex OfEvents();

    [GeneratedRegex("^(event_channel_op send|xen_version version|iret to kernel|sched_op yield|vcpu_op set_singleshot_timer)")]
    private static partial Regex OfTime();

    [GeneratedRegex("^(event_channel_op (send|unmask)|xen_version version|iret to|vcpu_op set_singleshot_timer|sched_op (block|yield|poll)|stack_switch|set_segment_base|fpu_taskswitch"
        + "|update_descriptor|mmu_update|mmuext_op|update_va_mapping|multicall)")]
    private static partial Regex OfThreads();
}
