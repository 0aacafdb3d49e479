using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>What the toolstack wrote of a disk.</summary>
/// <param name="Format">The image's format: <c>raw</c> for a <c>phy</c> device, else what stands before the colon of <c>params</c>.</param>
/// <param name="Path">The file or device; empty for an empty drive.</param>
/// <param name="IsReadOnly">Whether <c>mode</c> says so.</param>
/// <param name="Discards">Whether <c>discard-enable</c> allows it.</param>
/// <param name="IsCdrom">Whether <c>device-type</c> says so.</param>
/// <param name="IsRemovable">Whether <c>removable</c> says so.</param>
internal sealed record DeviceNodes(string Format, string Path, bool IsReadOnly, bool Discards, bool IsCdrom, bool IsRemovable)
{
    /// <summary>All that an opened storage depends on.</summary>
    public string Source => $"{Format} {Path} {IsReadOnly} {Discards}";

    /// <summary>Reads it. Null: the nodes are not there yet.</summary>
    public static async Task<DeviceNodes?> ReadAsync(XenbusEnd end)
    {
        var parameters = await end.ReadAsync("params").ConfigureAwait(false);
        var mode = await end.ReadAsync("mode").ConfigureAwait(false);
        if (parameters is null || mode is null)
            return null;
        var isImage = await end.ReadAsync("type").ConfigureAwait(false) == "qdisk";
        var (format, path) = ("raw", parameters);
        if (isImage && parameters.IndexOf(':') is >= 0 and var colon)
            (format, path) = (parameters[..colon], parameters[(colon + 1)..]);
        return new DeviceNodes(format is "aio" ? "raw" : format, path,
            IsReadOnly: !mode.StartsWith('w'),
            Discards: await end.ReadAsync("discard-enable").ConfigureAwait(false) is not "0",
            IsCdrom: await end.ReadAsync("device-type").ConfigureAwait(false) == "cdrom",
            IsRemovable: await end.ReadAsync("removable").ConfigureAwait(false) == "1");
    }
}
