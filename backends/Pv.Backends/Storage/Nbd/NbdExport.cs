namespace Pv.Backends.Storage.Nbd;

/// <summary>What a server told of the export that it serves.</summary>
/// <param name="Size">In bytes.</param>
/// <param name="Flags">What it can do.</param>
/// <param name="MinimumBlock">The unit of offsets and lengths, in bytes.</param>
/// <param name="PreferredBlock">The unit that costs least, in bytes.</param>
/// <param name="MaximumPayload">The longest read or write, in bytes.</param>
internal sealed record NbdExport(long Size, NbdExportFlags Flags, uint MinimumBlock, uint PreferredBlock, uint MaximumPayload)
{
    public bool Can(NbdExportFlags flag) => (Flags & flag) != 0;
}
