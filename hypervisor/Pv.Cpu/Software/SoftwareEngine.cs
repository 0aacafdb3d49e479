using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// The software engine: interprets decoded blocks of 64-bit user-mode x86 over the guest's own page tables.
/// Needs an x64 host for guests of several vCPUs (store order).
/// </summary>
public sealed class SoftwareEngine : ICpuEngine, IDisposable
{
    private readonly Lock _lock = new();
    private SoftwareDomain[] _domains = [];

    public SoftwareEngine(MachineMemory memory)
    {
        Memory = memory;
        memory.Marks.Written += Written;
    }

    public string Name => "software";

    public CpuFeatures Features => SoftwareFeatures.All;

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
