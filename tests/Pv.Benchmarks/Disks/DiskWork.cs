namespace Pv.Benchmarks.Disks;

/// <summary>What is done with a disk.</summary>
/// <param name="Kind">The word of the shell's <c>disk bench</c>.</param>
/// <param name="KiB">Of a request.</param>
/// <param name="Depth">Requests under way.</param>
/// <param name="Wanted">The ratio to reach, where one is set.</param>
internal sealed record DiskWork(string Kind, int KiB, int Depth, double? Wanted)
{
    public bool IsRandom => Kind.StartsWith("rand", StringComparison.Ordinal);

    public bool IsWrite => Kind.EndsWith("write", StringComparison.Ordinal);

    public int Bytes => KiB * 1024;
}
