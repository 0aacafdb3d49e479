using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// The software engine: interprets decoded blocks of 64-bit user-mode x86 over the guest's own page tables, and translates those that run often
/// to the host's own code where the host is an x64 Linux. Needs an x64 host for guests of several vCPUs (store order).
/// </summary>
public sealed class SoftwareEngine : ICpuEngine, IDisposable
{
    private readonly Lock _lock = new();
    private SoftwareDomain[] _domains = [];

    /// <summary>How often a block is interpreted before it is translated, when nobody says otherwise.</summary>
    public const int UsualTranslateAfter = 60;

    /// <param name="memory">The machine's memory.</param>
    /// <param name="translateAfter">How often a block is interpreted before it is translated; -1 translates nothing.</param>
    /// <param name="usesHostExchange">False: 16-byte exchanges are done as on a host that lends none.</param>
    public SoftwareEngine(MachineMemory memory, int translateAfter = UsualTranslateAfter, bool usesHostExchange = true)
    {
        Memory = memory;
        ExchangesWide = usesHostExchange && CanExchangeWide;
        TranslateAfter = translateAfter;
        memory.Marks.Written += Written;
    }

    public string Name => "software";

    public CpuFeatures FeaturesFor(int vcpus) => SoftwareFeatures.Of(ExchangesWide, vcpus);

    public MachineMemory Memory { get; }

    /// <summary>
    /// A vCPU came to something that the architecture has and this engine has not (AVX, 32-bit code): it gets #UD, and this
    /// says why. On the vCPU's thread; handlers should count or log, and be brief.
    /// </summary>
    public event Action<DomId, VcpuId, string>? Unsupported;

    public ICpuDomain CreateDomain(DomId domain)
    {
        var created = new SoftwareDomain(this, domain);
        lock (_lock)
            _domains = [.. _domains, created];
        return created;
    }

    /// <summary>Whether this host runs translated code: an x64 Linux with BMI2 that lets a process map its own code.</summary>
    public static bool CanTranslate { get; } = NativeCode.IsPossible();

    /// <summary>Whether this host lends its 16-byte exchange: an x64 Linux with CX16 that lets a process map its own code.</summary>
    public static bool CanExchangeWide => HostExchange.IsPossible;

    internal int TranslateAfter { get; }

    /// <summary>Whether 16-byte exchanges are atomic for every other access.</summary>
    internal bool ExchangesWide { get; }

    internal void ReportUnsupported(DomId domain, VcpuId vcpu, string what) => Unsupported?.Invoke(domain, vcpu, what);

    internal void Remove(SoftwareDomain domain)
    {
        lock (_lock)
            _domains = [.. _domains.Where(other => other != domain)];
    }

    public void Dispose() => Memory.Marks.Written -= Written;

    private void Written(Mfn frame, FrameMark mark)
    {
        if ((mark & FrameMark.Code) == 0)
            return;
        Memory.Marks.Clear(frame, FrameMark.Code);
        foreach (var domain in Volatile.Read(ref _domains))
            domain.Written(frame);
    }
}
