using System.Globalization;
using Pv.Guest;

namespace Pv.Toolstack.Domains;

/// <summary>A device's nodes in xenstore, as libxl makes them: same owners, same order.</summary>
internal static class DeviceNodes
{
    /// <summary>The toolstack's own copy of what it wrote.</summary>
    public static string LibxlPath(XenbusDevice device) => string.Create(CultureInfo.InvariantCulture, $"/libxl/{device.FrontEnd.Value}/{device.FrontEndNode}");

    /// <summary>Announces a device to both ends.</summary>
    /// <param name="nodes">A transaction.</param>
    /// <param name="device">Its names.</param>
    /// <param name="frontEnd">What the front end's domain may write.</param>
    /// <param name="readOnly">What it may only read in its own folder.</param>
    /// <param name="backEnd">The back end's.</param>
    public static async Task MakeAsync(
        IXenStoreNodes nodes, XenbusDevice device, IEnumerable<(string, string)> frontEnd, IEnumerable<(string, string)> readOnly, IReadOnlyList<(string, string)> backEnd)
    {
        var (front, back, libxl) = (device.FrontEndPath, device.BackEndPath, LibxlPath(device));
        XenStorePermission[] itsOwn = [new(device.FrontEnd, XenStoreAccess.None), new(device.BackEnd, XenStoreAccess.Read)];
        XenStorePermission[] readable = [new(device.BackEnd, XenStoreAccess.None), new(device.FrontEnd, XenStoreAccess.Read)];
        await nodes.RemoveAsync(libxl);
        await nodes.WriteAsync($"{libxl}/frontend", front);
        await nodes.WriteAsync($"{libxl}/backend", back);
        await nodes.RemoveAsync(front);
        await nodes.MakeDirectoryAsync(front);
        await nodes.SetPermissionsAsync(front, itsOwn);
        await WriteAsync([("backend", back), .. frontEnd], itsOwn);
        await WriteAsync(readOnly, readable);
        await nodes.RemoveAsync(back);
        await nodes.MakeDirectoryAsync(back);
        await nodes.SetPermissionsAsync(back, readable);
        await nodes.WriteAsync($"{back}/frontend", front);
        foreach (var (node, value) in backEnd)
        {
            await nodes.WriteAsync($"{back}/{node}", value);
            await nodes.WriteAsync($"{libxl}/{node}", value);
        }

        async Task WriteAsync(IEnumerable<(string, string)> all, XenStorePermission[] permissions)
        {
            foreach (var (node, value) in all)
            {
                await nodes.WriteAsync($"{front}/{node}", value);
                await nodes.SetPermissionsAsync($"{front}/{node}", permissions);
            }
        }
    }

    /// <summary>Removes a device's nodes, and the folders above that have nothing else in them.</summary>
    public static async Task RemoveAsync(IXenStoreNodes nodes, XenbusDevice device)
    {
        await nodes.RemoveUpwardsAsync(device.FrontEndPath);
        await nodes.RemoveUpwardsAsync(device.BackEndPath);
        await nodes.RemoveUpwardsAsync(LibxlPath(device));
    }
}
