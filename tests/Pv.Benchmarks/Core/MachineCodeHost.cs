using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu.Software;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Tests.MachineGuests;
using Pv.Toolstack.Building;
using Pv.Toolstack.Hypervisor;
using GuestMemory = Pv.Guest.GuestMemory;

namespace Pv.Benchmarks.Core;

/// <summary>A machine whose domains are machine-code guests on the software engine, and the way to see their memory.</summary>
internal sealed class MachineCodeHost : IDisposable
{
    private const ulong MachineFrames = 1 << 16, SlackKib = 16384;

    private readonly HypervisorControl _control;
    private readonly GuestMemory _memory;

    public MachineCodeHost(int pcpus, int translateAfter = SoftwareEngine.UsualTranslateAfter)
    {
        Core = new HypervisorCore(new MachineOptions
        {
            Frames = MachineFrames, PCpus = pcpus, ParavirtualizedEngine = memory => new SoftwareEngine(memory, translateAfter),
        });
        _control = new HypervisorControl(Core.Dom0);
        var start = GuestDevices.ReadStartInfo(Core.Dom0);
        _memory = new GuestMemory(Core.Dom0, GuestDevices.Taken(Core.Dom0, start, Pfn.OfAddress(start.SharedInfo)));
    }

    public HypervisorCore Core { get; }

    /// <summary>Builds a domain and lets it run. Returns it, and the first frame of its memory, whose first 2 MiB lie together.</summary>
    public (DomId Domain, Mfn First) Start(Action<GuestCode> emit, int vcpus = 1, ulong pages = 4096)
    {
        var code = new GuestCode();
        emit(code);
        var image = code.ToImage();
        _control.CreateDomain(
            new DomctlCreateDomain { MaxVcpus = (uint)vcpus, MaxEventChannelPort = 1023, MaxGrantFrames = 64, MaxMapTrackFrames = 64, GrantOptions = 2 },
            out var domain).OrThrow("XEN_DOMCTL_createdomain");
        _control.SetMaxVcpus(domain, (uint)vcpus);
        _control.SetMaxMemory(domain, (pages << 2) + SlackKib);
        _control.SetMemoryMap(domain, pages << 2).OrThrow("XENMEM_set_memory_map");
        // A command line keeps the guest from printing.
        var built = ParavirtualizedBuilder.Build(_control, _memory, domain, new BuildImages(image, default, "quiet"), pages);
        var console = StartOfDayLayout.Compute(KernelImage.Load(image, image.Length * 2), pages, 0).Console;
        _control.UnpauseDomain(domain).OrThrow("XEN_DOMCTL_unpausedomain");
        return (domain, new Mfn(built.ConsolePage - console.Value));
    }

    public void Destroy(DomId domain) => _control.DestroyDomain(domain).OrThrow("XEN_DOMCTL_destroydomain");

    /// <summary>Whether a domain has come to an end by itself.</summary>
    public bool HasEnded(DomId domain) => _control.GetDomainInfo(domain) is not { } info || (info.Flags & DomainInfoFlags.Shutdown) != 0;

    /// <summary>The words at a linear address of a guest.</summary>
    public ReadOnlySpan<ulong> Words(Mfn first, ulong address, int count)
        => MemoryMarshal.Cast<byte, ulong>(Core.Memory.Bytes(first.Address + (address - GuestLayout.Base), count * sizeof(ulong)));

    public void Dispose() => Core.Dispose();
}
