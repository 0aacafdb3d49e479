using System.Globalization;
using System.Reflection;
using Pv.Abi;

namespace Pv.Tests.Fuzzing;

/// <summary>The names of calls in the log: Xen's words for a hypercall and its operation, each with a number of its own.</summary>
internal static class FuzzLabels
{
    private static readonly List<string> Names = [];

    public static readonly int[] Calls = Of<HypercallNumber>("__HYPERVISOR_", "", 64);
    public static readonly int[] Async = [.. Enum.GetNames<AsyncOperation>().Select(name => Add($"async_op {name}"))];
    public static readonly int[] MmuExt = Of<MmuExtOperation>("MMUEXT_", "mmuext_op ", 24);
    public static readonly int[] Events = Of<EventChannelOperation>("EVTCHNOP_", "event_channel_op ", 16);
    public static readonly int[] Grants = Of<GrantTableOperation>("GNTTABOP_", "grant_table_op ", 16);
    public static readonly int[] Memory = Of<MemoryOperation>("XENMEM_", "memory_op ", 64);
    public static readonly int[] Vcpus = Of<VcpuOperation>("VCPUOP_", "vcpu_op ", 16);
    public static readonly int[] Sched = Of<SchedOperation>("SCHEDOP_", "sched_op ", 16);
    public static readonly int[] Versions = Of<XenVersionOperation>("XENVER_", "xen_version ", 16);
    public static readonly int[] Physdev = Of<PhysdevOperation>("PHYSDEVOP_", "physdev_op ", 64);
    public static readonly int[] Domctls = Of<DomctlOperation>("XEN_DOMCTL_", "domctl ", 96);
    public static readonly int[] Sysctls = Of<SysctlOperation>("XEN_SYSCTL_", "sysctl ", 32);

    // Every call that can be submitted, by the number of its own label.
    private static readonly int[] Queued = [.. Names.ToArray().Select(name => Add($"queued {name}"))];

    /// <summary>What programs of machine code are made of, by name.</summary>
    public static readonly IReadOnlyDictionary<string, int> CodeTraps = Of(CodeTemplates.Traps, ""), CodeStores = Of(CodeTemplates.Stores, "store ");
    public static readonly int CodeCall = Add("instruction syscall"), CodeStorm = Add("instruction mov, again and again"), CodeWork = Add("instruction work"), CodePatch = Add("instruction of changed code"),
        CodeAnything = Add("instruction of any bytes"), CodeIret = Add("instruction syscall (iret)"), CodeLoad = Add("instruction load"), CodeRetype = Add("instruction of a page that becomes something else"), CodeLocalTable = Add("instruction of a local table"), CodeElsewhere = Add("instruction elsewhere");

    public static int Count => Names.Count;

    /// <summary>The label of a call that was made for a queue, by that of the call.</summary>
    public static int QueuedOf(int label) => label < Queued.Length ? Queued[label] : label;


    public static string NameOf(int label) => Names[label];

    private static int[] Of<T>(string prefix, string words, int length) where T : struct, Enum
    {
        var labels = new int[length];
        Array.Fill(labels, Add($"{words}(none such)"));
        foreach (var field in typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            var value = Convert.ToInt32(field.GetRawConstantValue(), CultureInfo.InvariantCulture);
            if (value < length && field.GetCustomAttribute<XenAttribute>() is { } name)
                labels[value] = Add(words + name.Origin[prefix.Length..]);
        }
        return labels;
    }

    private static Dictionary<string, int> Of(CodeTemplate[] templates, string words)
        => templates.Select(template => template.Name).Distinct().ToDictionary(name => name, name => Add($"instruction {words}{name}"));

    private static int Add(string name)
    {
        Names.Add(name);
        return Names.Count - 1;
    }
}
