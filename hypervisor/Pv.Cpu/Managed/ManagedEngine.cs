using System.Collections.Concurrent;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Cpu.Managed;

/// <summary>
/// The engine of C# guests: a vCPU's code is a kernel in this process, which runs its turns and comes back. Nothing can interrupt a turn;
/// a kernel leaves at its next <c>await</c> or poll, and one that takes far too long is named.
/// </summary>
/// <remarks>Any thread.</remarks>
public sealed class ManagedEngine : ICpuEngine, IManagedKernels
{
    /// <summary>Ten of the longest slices, at the counter's one tick a nanosecond.</summary>
    private const ulong TenSlices = 20_000_000;

    private readonly Func<DomId, IGuestGate> _gates;
    private readonly ConcurrentDictionary<DomId, ManagedKernelFactory> _kernels = new();

    /// <param name="gates">Gives a domain's gate; asked when its vCPU first runs.</param>
    public ManagedEngine(Func<DomId, IGuestGate> gates)
    {
        _gates = gates;
    }

    /// <summary>A domain kept its pCPU for so many ticks of the time-stamp counter after it was wanted back. Any thread.</summary>
    public event Action<DomId, ulong>? Overran;

    /// <summary>From how many ticks of the time-stamp counter (<see cref="ICpuHost.ReadTsc"/>) on a guest that holds its pCPU is named.</summary>
    public ulong OverrunTicks { get; init; } = TenSlices;

    public string Name => "managed";

    public CpuFeatures FeaturesFor(int vcpus) => default;

    public void Assign(DomId domain, ManagedKernelFactory kernel) => _kernels[domain] = kernel;

    public ICpuDomain CreateDomain(DomId domain) => new ManagedDomain(this, domain);

    internal IManagedKernel Start(DomId domain)
    {
        if (!_kernels.TryRemove(domain, out var factory))
            throw new GuestCrashException($"{domain} is a C# guest and was given no kernel");
        return factory(_gates(domain));
    }

    internal IGuestGate GateOf(DomId domain) => _gates(domain);

    internal void Forget(DomId domain) => _kernels.TryRemove(domain, out _);

    internal void NoteOverrun(DomId domain, ulong ticks) => Overran?.Invoke(domain, ticks);

    private sealed class ManagedDomain(ManagedEngine engine, DomId domain) : ICpuDomain
    {
        public ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host) => new ManagedVcpu(engine, domain, vcpu, host);

        public void Dispose() => engine.Forget(domain);
    }
}
