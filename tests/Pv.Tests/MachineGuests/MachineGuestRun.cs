using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu.Software;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Stepping;
using Pv.Tests.Instructions;
using Pv.Toolstack.Building;
using Pv.Toolstack.Hypervisor;
using GuestMemory = Pv.Guest.GuestMemory;

namespace Pv.Tests.MachineGuests;

/// <summary>
/// Runs a machine-code guest on the software engine in a machine of its own, from the domain builder to its end, and reads the rows
/// out of its memory.
/// </summary>
internal sealed class MachineGuestRun : IDisposable
{
    private const ulong MachineFrames = 16384, GuestPages = 4096, SlackKib = 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Stepper? _stepper;
    private readonly HypervisorCore _core;
    private readonly HypervisorControl _control;
    private readonly GuestMemory _memory;
    private readonly SharedInfoPage _shared;
    private readonly EventPort _ended;
    private readonly SemaphoreSlim _domainExit = new(0);

    private DomId _domain;

    /// <param name="translateAfter">See <see cref="Tier"/>.</param>
    /// <param name="pcpus">How many physical CPUs the machine has.</param>
    /// <param name="hasOwnTime">See <see cref="MachineGuest.HasOwnTime"/>.</param>
    public MachineGuestRun(int translateAfter, int pcpus = 1, bool hasOwnTime = false)
    {
        _stepper = hasOwnTime ? new Stepper(1) { MostPoints = ulong.MaxValue } : null;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = MachineFrames, PCpus = pcpus, Stepper = _stepper, ParavirtualizedEngine = memory => new SoftwareEngine(memory, translateAfter),
        });
        StopsOften = false;
        _control = new HypervisorControl(_core.Dom0);
        var start = GuestDevices.ReadStartInfo(_core.Dom0);
        var sharedInfo = Pfn.OfAddress(start.SharedInfo);
        _memory = new GuestMemory(_core.Dom0, GuestDevices.Taken(_core.Dom0, start, sharedInfo));
        _shared = new SharedInfoPage(_core.Dom0.Page(sharedInfo));
        Hypercalls.ForDom0(_core.Dom0).BindVirq(VirtualIrq.DomainException, new VcpuId(0), out _ended).OrThrow("EVTCHNOP_bind_virq");
        _shared.ClearMask(_ended);
        _core.Dom0Upcall += () => _domainExit.Release();
    }

    /// <summary>Whether long operations stop wherever they can. Otherwise they stop nowhere: a time slice that ends amid one is a busy host's doing.</summary>
    public bool StopsOften
    {
        set => _core.PreemptionChooser = _ => value;
    }

    /// <summary>How long what serves a queue looks for more before it sleeps.</summary>
    public ulong AsyncPollNanoseconds
    {
        set => _core.AsyncPollNanoseconds = value;
    }

    /// <summary>How often the first vCPU of the guest that ran last left its code, by kind.</summary>
    public IReadOnlyDictionary<string, ulong> Exits => _core.Measure(_domain)![0].Counts.Exits;

    /// <summary>What the hypervisor had to say.</summary>
    public string Log => _core.Log.Read(clear: false);

    /// <summary>Runs the guest to its end; its rows, and last the shutdown code.</summary>
    public IReadOnlyList<GuestRow> Run(MachineGuest guest)
    {
        var create = new DomctlCreateDomain
        {
            MaxVcpus = (uint)guest.Vcpus, MaxEventChannelPort = guest.MaxEventPort, MaxGrantFrames = 64, MaxMapTrackFrames = 1024, GrantOptions = 2,
            Arch = new ArchDomainConfig { MiscellaneousFlags = guest.AsyncHypercalls ? AsyncHypercalls.CreateFlag : 0 },
        };
        _control.CreateDomain(create, out var domain).OrThrow("XEN_DOMCTL_createdomain");
        _domain = domain;
        _control.SetMaxVcpus(domain, create.MaxVcpus);
        _control.SetMaxMemory(domain, (GuestPages << 2) + SlackKib);
        _control.SetMemoryMap(domain, GuestPages << 2).OrThrow("XENMEM_set_memory_map");
        // A command line keeps the guest from printing.
        var image = guest.BuildImage();
        var built = ParavirtualizedBuilder.Build(_control, _memory, domain, new BuildImages(image, default, "quiet"), GuestPages);
        // The builder populates by 2 MiB: what lies below the console page, in the first extent, is contiguous with it.
        var console = StartOfDayLayout.Compute(KernelImage.Load(image, image.Length * 2), GuestPages, 0).Console;
        Assert.That(console.Value, Is.LessThan(512UL), "the guest's pages are more than an extent");
        var first = new Mfn(built.ConsolePage - console.Value);
        _control.UnpauseDomain(domain).OrThrow("XEN_DOMCTL_unpausedomain");
        for (var ended = Ended(domain); ; ended = Ended(domain))
        {
            // Armed again before the look that follows.
            _shared.UpcallPending = false;
            _shared.TakeSelector();
            _shared.ClearPending(_ended);
            ended ??= Ended(domain);
            if (ended is { } reason)
                return [.. ReadRows(first), new GuestRow(RealXenAnswers.Shutdown, (long)reason)];
            if (!MayHaveEnded(domain))
                return [.. ReadRows(first), new GuestRow("it goes on for ever", 1)];
        }
    }

    /// <summary>Whatever a guest did, the hypervisor's accounts must be right at its end.</summary>
    public void Dispose()
    {
        var findings = new MachineAudit(_core).StopAndLook();
        _core.Dispose();
        if (!findings.AreNone)
            throw new InvalidOperationException($"The audit at the guest's end found {findings}");
    }

    /// <summary>Waits until there is something to look at. False when nothing came for long.</summary>
    private bool MayHaveEnded(DomId domain) => _stepper is null
        ? _domainExit.Wait(Patience)
        : _stepper.Run(() => _core.Domains.Find(domain)!.Shutdown is not null, (ulong)Patience.TotalNanoseconds);

    private ShutdownReason? Ended(DomId domain)
        => _control.GetDomainInfo(domain) is { } info && (info.Flags & DomainInfoFlags.Shutdown) != 0 ? info.ShutdownReason : null;

    private IReadOnlyList<GuestRow> ReadRows(Mfn first)
    {
        var count = (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(Read(first, GuestVariables.RowCount, 8)), GuestLayout.RowLimit);
        var rows = new List<GuestRow>();
        for (var i = 0; i < count; i++)
        {
            var row = Read(first, GuestLayout.Rows + (ulong)i * 16, 16);
            var name = Read(first, BinaryPrimitives.ReadUInt64LittleEndian(row), 128);
            rows.Add(new GuestRow(
                Encoding.ASCII.GetString(name.AsSpan(0, name.AsSpan().IndexOf((byte)0))), BinaryPrimitives.ReadInt64LittleEndian(row.AsSpan(8))));
        }
        return rows;
    }

    private byte[] Read(Mfn first, ulong address, int length)
    {
        var bytes = new byte[length];
        for (var done = 0; done < length;)
        {
            var at = address - GuestLayout.Base + (ulong)done;
            var offset = (int)(at & PageSize.OffsetMask);
            var part = Math.Min(length - done, PageSize.Bytes - offset);
            _core.Memory.Bytes(first.Address + at, part).CopyTo(bytes.AsSpan(done));
            done += part;
        }
        return bytes;
    }
}
