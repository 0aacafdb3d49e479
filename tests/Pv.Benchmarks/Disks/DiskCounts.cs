using System.Globalization;

namespace Pv.Benchmarks.Disks;

/// <summary>What happened in Dom0 while a guest's requests were served. A transfer on a file is one vectored call of the host.</summary>
internal readonly record struct DiskCounts(long Transfers, long Batches, long Vectors, long Maps, long MapCalls, long UnmapCalls, long Notifications, long Allocated)
{
    public static DiskCounts operator -(DiskCounts one, DiskCounts other) => new(
        one.Transfers - other.Transfers, one.Batches - other.Batches, one.Vectors - other.Vectors, one.Maps - other.Maps, one.MapCalls - other.MapCalls,
        one.UnmapCalls - other.UnmapCalls, one.Notifications - other.Notifications, one.Allocated - other.Allocated);

    public static DiskCounts operator +(DiskCounts one, DiskCounts other) => one - (default(DiskCounts) - other);

    public string PerRequest()
    {
        var requests = (double)Transfers;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"1 vectored call of {Vectors / requests:f1} vectors, {Batches / requests:f3} submissions, {Maps / requests:f1} grants mapped, {(MapCalls + UnmapCalls + Notifications) / requests:f3} hypercalls ({MapCalls / requests:f3} map, {UnmapCalls / requests:f3} unmap, {Notifications / requests:f3} notify), {Allocated / requests:f2} bytes allocated in the process");
    }
}
