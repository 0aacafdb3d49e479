using System.Globalization;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Disks;

/// <summary>A disk's nodes in xenstore, as libxl makes them: same names, same owners, same order. There is no <c>script</c>, since none is run.</summary>
internal static class DiskNodes
{
    public static XenbusDevice Device(DomId domain, int number) => new("vbd", domain, DomId.Dom0, (uint)number);

    /// <summary>The toolstack's own copy of what it wrote.</summary>
    public static string LibxlPath(XenbusDevice device) => string.Create(CultureInfo.InvariantCulture, $"/libxl/{device.FrontEnd.Value}/{device.FrontEndNode}");

    /// <summary>Announces a disk to both ends.</summary>
    public static async Task MakeAsync(IXenStoreNodes nodes, DomId domain, DiskPlan plan)
    {
        var device = Device(domain, plan.Number.Number);
        var (front, back, libxl) = (device.FrontEndPath, device.BackEndPath, LibxlPath(device));
        XenStorePermission[] itsOwn = [new(domain, XenStoreAccess.None), new(DomId.Dom0, XenStoreAccess.Read)];
        XenStorePermission[] readable = [new(DomId.Dom0, XenStoreAccess.None), new(domain, XenStoreAccess.Read)];
        await nodes.RemoveAsync(libxl);
        await nodes.WriteAsync($"{libxl}/frontend", front);
        await nodes.WriteAsync($"{libxl}/backend", back);
        await nodes.RemoveAsync(front);
        await nodes.MakeDirectoryAsync(front);
        await nodes.SetPermissionsAsync(front, itsOwn);
        foreach (var (node, value) in FrontEnd(device, plan))
        {
            await nodes.WriteAsync($"{front}/{node}", value);
            await nodes.SetPermissionsAsync($"{front}/{node}", itsOwn);
        }
        await nodes.RemoveAsync(back);
        await nodes.MakeDirectoryAsync(back);
        await nodes.SetPermissionsAsync(back, readable);
        await nodes.WriteAsync($"{back}/frontend", front);
        foreach (var (node, value) in BackEnd(domain, plan))
        {
            await nodes.WriteAsync($"{back}/{node}", value);
            await nodes.WriteAsync($"{libxl}/{node}", value);
        }
    }

    /// <summary>Removes a disk's nodes, and the folders above that have nothing else in them.</summary>
    public static async Task RemoveAsync(IXenStoreNodes nodes, XenbusDevice device)
    {
        await nodes.RemoveUpwardsAsync(device.FrontEndPath);
        await nodes.RemoveUpwardsAsync(device.BackEndPath);
        await nodes.RemoveUpwardsAsync(LibxlPath(device));
    }

    private static (string, string)[] FrontEnd(XenbusDevice device, DiskPlan plan) =>
    [
        ("backend", device.BackEndPath),
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
