using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>The lines of <c>xl top</c>, in the columns of xentop.</summary>
/// <param name="has">Which options are on, by letter.</param>
internal sealed class TopTable(Func<char, bool> has)
{
    private const int NameWidth = 10;

    /// <summary>Xen's mark for a domain without a limit is the largest number of pages there is.</summary>
    private const ulong Limitless = 1ul << 52;

    public static string Header =>
        "      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID";

    /// <summary>The lines above the table: what a screen shows, and a batch does not.</summary>
    public static IEnumerable<string> Summary(TopSample sample)
    {
        var (host, physical) = (sample.Host, sample.Host.Physical);
        yield return $"xl top - {sample.At:HH:mm:ss}   Xen {host.XenMajor}.{host.XenMinor}{host.XenExtra}";
        yield return $"{sample.Rows.Count} domains: {Count(DomainInfoFlags.Running)} running, {Count(DomainInfoFlags.Blocked)} blocked, {Count(DomainInfoFlags.Paused)} paused, "
            + $"{sample.Rows.Count(row => row.Domain is { HasShutDown: true, Reason: ShutdownReason.Crash })} crashed, {Count(DomainInfoFlags.Dying)} dying, {Count(DomainInfoFlags.Shutdown)} shutdown";
        yield return $"Mem: {Kib(physical.TotalPages)}k total, {Kib(physical.TotalPages - physical.FreePages)}k used, {Kib(physical.FreePages)}k free    CPUs: {physical.CpuCount} @ {physical.CpuKhz / 1000}MHz";

        int Count(DomainInfoFlags flag) => sample.Rows.Count(row => (row.Domain.Flags & flag) != 0);
    }

    public IEnumerable<string> Lines(TopSample sample)
    {
        if (!has('r'))
            yield return Header;
        foreach (var row in sample.Rows)
        {
            if (has('r'))
                yield return Header;
            yield return Line(row, sample.Host.Physical.TotalPages);
            if (has('v'))
                yield return "VCPUs(sec): " + string.Concat(row.Vcpus.Select(vcpu => $"{vcpu.Id.Value,4}: {vcpu.CpuTime / 1_000_000_000,10}s"));
            if (has('x'))
            {
                foreach (var disk in row.Disks)
                {
                    var one = row.Transfers.GetValueOrDefault(disk);
                    yield return $"VBD BlkBack {disk,6}  OO: {0,8}   RD: {one.Reads,8}   WR: {one.Writes,8}  RSECT: {one.ReadSectors,10}  WSECT: {one.WrittenSectors,10}";
                }
            }
        }
    }

    private string Line(TopRow row, ulong pages)
    {
        var domain = row.Domain;
        var name = has('f') || domain.Name.Length <= NameWidth ? domain.Name : domain.Name[..NameWidth];
        var (most, share) = domain.MostPages >= Limitless ? ("no limit", "n/a") : ($"{Kib(domain.MostPages)}", $"{Share(domain.MostPages, pages):F1}");
        // A back end never runs out of requests to take (OO), and there are no network interfaces.
        var total = row.Total;
        return $"{name,NameWidth} {State(domain)} {domain.CpuTime / 1_000_000_000,10} {row.Busy,6:F1} {Kib(domain.Pages),10} {Share(domain.Pages, pages),6:F1} "
            + $"{most,10} {share,9} {domain.Vcpus,5} {0,4} {0,8} {0,8} {row.Disks.Count,4} {0,8} {total.Reads,8} {total.Writes,8} {total.ReadSectors,10} {total.WrittenSectors,10} {0,4}";
    }

    /// <summary>Another order of letters than in <c>xl list</c>: dying, shut down, blocked, crashed, paused, running.</summary>
    private static string State(DomainView domain) => string.Concat(
        Letter(domain, DomainInfoFlags.Dying, 'd'), domain is { HasShutDown: true, Reason: not ShutdownReason.Crash } ? 's' : '-',
        Letter(domain, DomainInfoFlags.Blocked, 'b'), domain is { HasShutDown: true, Reason: ShutdownReason.Crash } ? 'c' : '-',
        Letter(domain, DomainInfoFlags.Paused, 'p'), Letter(domain, DomainInfoFlags.Running, 'r'));

    private static char Letter(DomainView domain, DomainInfoFlags flag, char letter) => (domain.Flags & flag) != 0 ? letter : '-';

    private static double Share(ulong part, ulong whole) => 100.0 * part / Math.Max(1, whole);

    private static ulong Kib(ulong pages) => pages * (PageSize.Bytes / 1024);
}
