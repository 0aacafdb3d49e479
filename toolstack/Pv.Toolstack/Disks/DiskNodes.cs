using System.Globalization;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Disks;

/// <summary>A disk's nodes in xenstore, as libxl makes them: same names, same owners, same order. There is no <c>script</c>, since none is run.</summary>
internal static class DiskNodes
{
    public static XenbusDevice Device(DomId domain, int number) => new("vbd", domain, DomId.Dom0, (uint)number);

    /// <summary>Announces a disk to both ends.</summary>
    public static Task MakeAsync(IXenStoreNodes nodes, DomId domain, DiskPlan plan)
        => DeviceNodes.MakeAsync(nodes, Device(domain, plan.Number.Number), FrontEnd(plan), [], BackEnd(domain, plan));

    private static (string, string)[] FrontEnd(DiskPlan plan) =>
    [
        ("backend-id", "0"),
        ("state", "1"),
        ("virtual-device", Text(plan.Number.Number)),
        ("device-type", TypeOf(plan)),
        ("trusted", plan.Specification.Trusted == false ? "0" : "1"),
        ("protocol", "x86_64-abi"),
    ];

    private static (string, string)[] BackEnd(DomId domain, DiskPlan plan) =>
    [
        ("params", plan.Parameters),
        ("frontend-id", Text(domain.Value)),
        ("online", "1"),
        ("removable", plan.Specification.Removable ? "1" : "0"),
        ("bootable", "1"),
        ("state", "1"),
        ("dev", plan.Specification.VirtualDevice!),
        ("type", plan.Type),
        ("mode", plan.Specification.Writable ? "w" : "r"),
        ("device-type", TypeOf(plan)),
        ("discard-enable", plan.Discards ? "1" : "0"),
        ("specification", "xen"),
    ];

    private static string TypeOf(DiskPlan plan) => plan.Specification.IsCdrom ? "cdrom" : "disk";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
