using Pv.Abi;
using Pv.Backends.Storage;

namespace Pv.Backends.Block;

/// <summary>What a ring's requests are judged by: the storage behind the device, or an empty drive, and what of it the front end was told.</summary>
/// <param name="Storage">Null for an empty drive.</param>
/// <param name="IsCdrom">Shown to the guest as a drive for discs.</param>
/// <param name="IsRemovable">Shown to the guest as removable.</param>
internal sealed record BlockMedium(IBlockStorage? Storage, bool IsCdrom, bool IsRemovable)
{
    /// <summary>In sectors of 512 bytes, whatever the storage's own sector is.</summary>
    public ulong Sectors => Storage is null ? 0 : (ulong)Storage.Capacity / BlockRequests.SectorBytes;

    public int SectorSize => Storage?.LogicalSectorSize ?? BlockRequests.SectorBytes;

    public int PhysicalSectorSize => Storage?.PhysicalSectorSize ?? BlockRequests.SectorBytes;

    public bool IsReadOnly => Storage?.IsReadOnly ?? true;

    public bool Has(BlockFeatures feature) => Storage is not null && (Storage.Features & feature) != 0;

    /// <summary>Whether a range of 512-byte sectors lies inside, on whole sectors of the storage.</summary>
    public bool Contains(ulong sector, ulong count)
        => sector <= Sectors && count <= Sectors - sector && (sector | count) % ((ulong)SectorSize / BlockRequests.SectorBytes) == 0;

    /// <summary>The node <c>info</c>.</summary>
    public BlockDeviceInfo Info => (IsCdrom ? BlockDeviceInfo.CdRom : 0) | (IsRemovable ? BlockDeviceInfo.Removable : 0)
        | (IsReadOnly ? BlockDeviceInfo.ReadOnly : 0);
}
