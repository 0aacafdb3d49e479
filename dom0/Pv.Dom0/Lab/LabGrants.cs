using System.Diagnostics;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>What a back end in Dom0 pays for its guests' pages: batches of grants mapped and unmapped, or copied. Nothing is allocated while it is timed.</summary>
internal sealed class LabGrants
{
    private readonly Dom0Kernel _kernel;
    private readonly GrantTableMapGrantRef[] _maps;
    private readonly GrantTableUnmapGrantRef[] _unmaps;
    private readonly GrantTableCopy[] _copies;
    private readonly Pfn[] _frames;
    private readonly byte[] _page = new byte[PageSize.Bytes];

    public LabGrants(Dom0Kernel kernel, DomId domain, GrantRef[] references)
    {
        _kernel = kernel;
        _frames = [.. references.Select(_ => kernel.Memory.Allocate())];
        _maps = [.. references.Select(reference => new GrantTableMapGrantRef { HostAddress = kernel.Memory.TakeSlot().Address, Flags = GrantMapFlags.HostMap, Ref = reference, Domain = domain })];
        _unmaps = [.. _maps.Select(map => new GrantTableUnmapGrantRef { HostAddress = map.HostAddress })];
        _copies =
        [
            .. references.Select((reference, i) => new GrantTableCopy
            {
                Source = new GrantCopyPointer { Ref = reference, Domain = domain },
                Destination = new GrantCopyPointer { Gmfn = _frames[i].Value, Domain = DomId.Self },
                Length = PageSize.Bytes, Flags = GrantCopyFlags.SourceGrantRef,
            }),
        ];
    }

    public double[] MapAndUnmap(int times) => Time(times, () =>
    {
        _kernel.Hypercalls.MapGrants(_maps).OrThrow("GNTTABOP_map_grant_ref");
        for (var i = 0; i < _maps.Length; i++)
        {
            if (_maps[i].Status != GrantStatus.Okay)
                throw new ToolstackLabException($"Dom0 could not map a grant: {_maps[i].Status}.");
            _unmaps[i].Handle = _maps[i].Handle;
        }
        _kernel.Hypercalls.UnmapGrants(_unmaps).OrThrow("GNTTABOP_unmap_grant_ref");
    });

    public double[] Copy(int times) => Time(times, () =>
    {
        _kernel.Hypercalls.CopyGrants(_copies).OrThrow("GNTTABOP_copy");
        if (_copies[^1].Status != GrantStatus.Okay)
            throw new ToolstackLabException($"Dom0 could not copy a grant: {_copies[^1].Status}.");
    });

    public double[] CopyPlainly(int times) => Time(times, () =>
    {
        foreach (var frame in _frames)
            _kernel.Memory.Page(frame).CopyTo(0, _page);
    });

    private double[] Time(int times, Action work)
    {
        var taken = new double[times];
        for (var i = 0; i < times; i++)
        {
            var began = Stopwatch.GetTimestamp();
            work();
            taken[i] = Stopwatch.GetElapsedTime(began).TotalNanoseconds / _frames.Length;
        }
        return taken;
    }
}
