using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Tracing;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// One hypercall as its handler sees it: who calls, the arguments, and the caller's memory. Where the arguments come from (a real kernel's
/// registers, a C# guest's, Dom0's) a handler cannot tell.
/// </summary>
/// <remarks>
/// An address that a guest passes is a claim. <see cref="TryRead{T}"/> copies once; decide and act on the copy.
/// </remarks>
internal ref struct HypercallContext
{
    private readonly GuestAccess _access;
    private StretchBudget? _budget;

    public HypercallContext(Vcpu vcpu, HypercallRegisters arguments, GuestAccess access)
    {
        Vcpu = vcpu;
        Arguments = arguments;
        _access = access;
    }

    public readonly Vcpu Vcpu { get; }

    public readonly Domain Caller => Vcpu.Domain;

    public readonly HypervisorCore Core => Vcpu.Domain.Core;

    /// <summary>The registers; a handler that answers <see cref="HypercallOutcome.Continue"/> leaves in them how to go on.</summary>
    public HypercallRegisters Arguments;

    /// <summary>Set while tracing: what the handler copies in and out is noted there.</summary>
    public TraceRecord? Trace;

    /// <summary>Inside a multicall: continuations go by its own arguments, and nesting is refused.</summary>
    public bool InMulticall;

    /// <summary>The pCPU is wanted by somebody else. Long work should stop at the next whole step and continue later.</summary>
    public readonly bool PreemptionWanted => Caller.Kind == DomainKind.Paravirtualized && Vcpu.IsWanted;

    /// <summary>Before whom others may want to go: the caller's vCPU; for Dom0 a budget of so much work; nobody for a C# guest, whose calls go on at once.</summary>
    public IPreemptible? Preemptible => Caller.Kind switch
    {
        DomainKind.Paravirtualized => Vcpu,
        DomainKind.Control => _budget ??= new StretchBudget(),
        _ => null,
    };

    /// <summary>
    /// Whether an address can be the caller's memory at all. Xen looks at it where an array is named, before the array's length; whether anything is
    /// mapped there is seen when it is read.
    /// </summary>
    public readonly bool MayBeMemory(ulong address)
        => Caller.Kind != DomainKind.Paravirtualized || (PageWalker.IsCanonical(address) && !PageWalker.IsReserved(address));

    public readonly bool TryRead(ulong address, Span<byte> to)
    {
        if (!_access.TryRead(address, to))
            return false;
        Vcpu.Counters.NoteInput(to.Length);
        Trace?.NoteInput(address, to);
        return true;
    }

    public readonly bool TryWrite(ulong address, ReadOnlySpan<byte> from)
    {
        Vcpu.Counters.NoteOutput(from.Length);
        Trace?.NoteOutput(address, from);
        return _access.TryWrite(address, from);
    }

    public readonly bool TryRead<T>(ulong address, out T value) where T : unmanaged
    {
        if (!_access.TryRead(address, out value))
            return false;
        Vcpu.Counters.NoteInput(GuestAccess.SizeOf<T>.Bytes);
        Trace?.NoteInput(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        return true;
    }

    /// <summary>Takes the arguments of a multicall's entry for this call's own.</summary>
    public bool TryReadEntry(ulong address)
    {
        if (!TryRead(address, out MulticallEntry entry))
            return false;
        Take(entry);
        return true;
    }

    /// <summary>Writes the result of a multicall's entry and takes the next one's arguments, which <see cref="TryReadEntry"/> would.</summary>
    public bool TryGoOnToEntry(ulong address, long result)
    {
        var at = address - MulticallEntry.WireSize + sizeof(ulong);
        if (Trace is not null)
            return TryWrite(at, result) && TryReadEntry(address);
        if (!_access.TryWriteThenRead(at, result, address, out MulticallEntry entry))
            return false;
        Vcpu.Counters.NoteOutput(sizeof(long));
        Vcpu.Counters.NoteInput(MulticallEntry.WireSize);
        Take(entry);
        return true;
    }

    private void Take(in MulticallEntry entry)
    {
        ReadOnlySpan<ulong> arguments = entry.Arguments;
        Arguments = new HypercallRegisters(entry.Operation, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    }

    public readonly bool TryWrite<T>(ulong address, in T value) where T : unmanaged
    {
        Vcpu.Counters.NoteOutput(GuestAccess.SizeOf<T>.Bytes);
        Trace?.NoteOutput(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        return _access.TryWrite(address, value);
    }
}
