using Pv.Abi;
using Pv.Cpu;
using Pv.Machine;

namespace Pv.SystemTests.Traces;

/// <summary>
/// An engine that looks over the shoulder of another one: after each <c>update_va_mapping</c> it reads the L1 entry that the running page
/// tables have for the address, before the guest's next instruction. One domain with one vCPU.
/// </summary>
internal sealed class StoredEntryEngine(ICpuEngine engine, MachineMemory memory) : ICpuEngine, IDisposable
{
    private readonly List<ulong?> _entries = [];

    public string Name => engine.Name;

    /// <summary>One a hypercall, in order: the entry found, or null where the call was another one. Read while the domain is paused.</summary>
    public IReadOnlyList<ulong?> Entries => _entries;

    public ICpuDomain CreateDomain(DomId domain) => new WatchedDomain(this, engine.CreateDomain(domain));

    public void Dispose() => (engine as IDisposable)?.Dispose();

    private ulong EntryOf(ulong root, ulong address)
    {
        const int levels = 4, indexBits = 9;
        var entry = root;
        for (var level = levels; level > 0; level--)
        {
            var index = (address >> (PageSize.Shift + (indexBits * (level - 1)))) & ((1 << indexBits) - 1);
            entry = memory.At<ulong>(CanonicalTrace.FrameOf(entry).Address + (index * sizeof(ulong)));
        }
        return entry;
    }

    private sealed class WatchedDomain(StoredEntryEngine watcher, ICpuDomain domain) : ICpuDomain
    {
        public ICpuVcpu CreateVcpu(VcpuId vcpu, ICpuHost host) => new WatchedVcpu(watcher, domain.CreateVcpu(vcpu, host));

        public void Dispose() => domain.Dispose();
    }

    private sealed class WatchedVcpu(StoredEntryEngine watcher, ICpuVcpu vcpu) : ICpuVcpu
    {
        private bool _called;
        private ulong? _mapped;

        public ulong InstructionsRetired => vcpu.InstructionsRetired;

        public CpuExit Run(ref GuestRegisters registers)
        {
            if (_called)
                watcher._entries.Add(_mapped is { } address ? watcher.EntryOf(registers.Cr3, address) : null);
            var exit = vcpu.Run(ref registers);
            _called = exit.Kind == CpuExitKind.Syscall;
            _mapped = _called && registers.Rax == (ulong)HypercallNumber.UpdateVaMapping ? registers.Rdi : null;
            return exit;
        }

        public void Kick() => vcpu.Kick();

        public void FlushTlb() => vcpu.FlushTlb();

        public void FlushPage(ulong linearAddress) => vcpu.FlushPage(linearAddress);

        public void Dispose() => vcpu.Dispose();
    }
}
