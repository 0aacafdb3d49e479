using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// The caller's memory, whatever it is: virtual addresses walked through a real kernel's own tables, pseudo-physical addresses of a C# guest,
/// host addresses of Dom0. Nothing that a guest passes can name memory that is not its own.
/// </summary>
internal readonly ref struct GuestAccess
{
    private readonly Vcpu _vcpu;
    private readonly bool _ofKernel;

    /// <summary>The memory of a hypercall's caller.</summary>
    public static GuestAccess OfCaller(Vcpu vcpu) => new(vcpu, false);

    /// <summary>The memory of a vCPU's kernel, even while its user code runs.</summary>
    public static GuestAccess OfKernel(Vcpu vcpu) => new(vcpu, true);

    private GuestAccess(Vcpu vcpu, bool ofKernel)
    {
        _vcpu = vcpu;
        _ofKernel = ofKernel;
    }

    // Looked up for each walk: an element of a list may have given the vCPU other tables, and the old ones may be memory by now.
    private ulong Root => _ofKernel ? _vcpu.Traps.KernelTable.Address : _vcpu.Registers.Cr3;

    public bool TryRead(ulong address, Span<byte> to)
    {
        if (_vcpu.Domain.Kind == DomainKind.Control)
        {
            if (IsNull(address, to.Length))
                return false;
            HostAddress.Read(address, to);
            return true;
        }
        while (!to.IsEmpty)
        {
            using var page = Open(address, false);
            if (!page.IsOpen)
                return false;
            var part = Math.Min(page.Length, to.Length);
            _vcpu.Domain.Core.Meter?.CountBytes(part);
            page.Memory.Bytes(page.Address, part).CopyTo(to);
            to = to[part..];
            address += (ulong)part;
        }
        return true;
    }

    /// <summary>Writes all or, when a page on the way cannot be written, what lies before it.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> from)
    {
        if (_vcpu.Domain.Kind == DomainKind.Control)
        {
            if (IsNull(address, from.Length))
                return false;
            HostAddress.Write(address, from);
            return true;
        }
        while (!from.IsEmpty)
        {
            using var page = Open(address, true);
            if (!page.IsOpen)
                return false;
            var part = Math.Min(page.Length, from.Length);
            _vcpu.Domain.Core.Meter?.CountBytes(part);
            from[..part].CopyTo(page.Memory.Bytes(page.Address, part));
            page.Memory.Marks.NoteWrite(Mfn.OfAddress(page.Address));
            from = from[part..];
            address += (ulong)part;
        }
        return true;
    }

    /// <summary>Dom0 is trusted with its addresses; but where it names none, there is nothing, as in a kernel's first page.</summary>
    private static bool IsNull(ulong address, int length) => address == 0 && length > 0;

    /// <summary>Copies one value in; the common case that it lies in one page takes the short way.</summary>
    public bool TryRead<T>(ulong address, out T value) where T : unmanaged
    {
        if (_vcpu.Domain.Kind == DomainKind.Control || !FitsPage<T>(address))
        {
            value = default;
            return TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        }
        using var page = Open(address, false);
        value = page.IsOpen ? page.Memory.At<T>(page.Address) : default;
        return page.IsOpen;
    }

    /// <summary>Copies one value out.</summary>
    public bool TryWrite<T>(ulong address, in T value) where T : unmanaged
    {
        if (_vcpu.Domain.Kind == DomainKind.Control || !FitsPage<T>(address))
            return TryWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        using var page = Open(address, true);
        if (!page.IsOpen)
            return false;
        page.Memory.At<T>(page.Address) = value;
        page.Memory.Marks.NoteWrite(Mfn.OfAddress(page.Address));
        return true;
    }

    /// <summary>
    /// Copies one value out, then another one in: in one go when they lie in one page, which is what a list's result and its next entry nearly
    /// always do.
    /// </summary>
    public bool TryWriteThenRead<TOut, TIn>(ulong to, in TOut value, ulong from, out TIn next) where TOut : unmanaged where TIn : unmanaged
    {
        if (_vcpu.Domain.Kind == DomainKind.Control || to >> PageSize.Shift != from >> PageSize.Shift || !FitsPage<TOut>(to) || !FitsPage<TIn>(from))
        {
            next = default;
            return TryWrite(to, value) && TryRead(from, out next);
        }
        using var page = Open(to, true);
        if (!page.IsOpen)
        {
            next = default;
            return false;
        }
        page.Memory.At<TOut>(page.Address) = value;
        page.Memory.Marks.NoteWrite(Mfn.OfAddress(page.Address));
        next = page.Memory.At<TIn>(page.Address + (from - to));
        return true;
    }

    /// <summary>Whether a value at an address lies in one page. One that is larger than a page (<c>vcpu_guest_context</c>) never does.</summary>
    private static bool FitsPage<T>(ulong address) where T : unmanaged => (address & PageSize.OffsetMask) + (ulong)SizeOf<T>.Bytes <= PageSize.Bytes;

    /// <summary>How many bytes a value takes in a guest's memory.</summary>
    internal static class SizeOf<T> where T : unmanaged
    {
        public static readonly int Bytes = MemoryMarshal.AsBytes<T>([default]).Length;
    }

    /// <summary>Makes one page reachable, until the scope ends.</summary>
    private Page Open(ulong address, bool write) => _vcpu.Domain.PhysicalMap is { } map ? OpenOwn(map, address, write) : OpenWalked(address, write);

    private Page OpenWalked(ulong address, bool write)
    {
        var scope = _vcpu.Walks.Begin();
        var core = _vcpu.Domain.Core;
        if (TryTranslate(core.Memory, address, write, out var machine))
        {
            // Between looking up and copying, a mapping may go.
            core.Stepper?.Point();
            return new Page(core, machine) { Walk = scope };
        }
        scope.Dispose();
        return default;
    }

    private bool TryTranslate(MachineMemory memory, ulong address, bool write, out ulong machine)
    {
        var (root, known) = (Root, _vcpu.KnownPages);
        // In this order: who asks for a flush then waits for a copy that has begun.
        if (known.TryGet(root, address, write, out machine) && !_vcpu.FlushIsPending)
            return true;
        if (PageWalker.IsReserved(address) || !PageWalker.TryWalk(memory, root, address, write, out machine))
            return false;
        // What serves a queue is asked for no flush.
        if (_vcpu.Queue is null)
            known.Note(root, address, write, machine);
        return true;
    }

    private Page OpenOwn(PhysicalMap map, ulong address, bool write)
    {
        var core = _vcpu.Domain.Core;
        var kind = map.Get(Pfn.OfAddress(address), out var mfn);
        if (kind == PhysicalMapKind.Empty || (write && kind == PhysicalMapKind.ReadOnlyGrant))
            return default;
        // Beside the guest's own code a frame may go while it is used, so what serves a queue holds it; foreign ones it leaves alone.
        var holds = _vcpu.Queue is not null;
        if (holds && !core.Frames.TryGet(mfn, _vcpu.Domain.Id))
            return default;
        core.Stepper?.Point();
        return new Page(core, mfn.Address | address & PageSize.OffsetMask) { Holds = holds };
    }

    /// <summary>A page of the caller's: while the scope lasts it does not become another domain's.</summary>
    private readonly ref struct Page(HypervisorCore core, ulong address)
    {
        public bool IsOpen => core is not null;

        public MachineMemory Memory => core.Memory;

        /// <summary>Machine address.</summary>
        public ulong Address => address;

        /// <summary>How many bytes from it on lie in the page.</summary>
        public int Length => PageSize.Bytes - (int)(address & PageSize.OffsetMask);

        public bool Holds { private get; init; }

        public TableWalks.Scope Walk { private get; init; }

        public void Dispose()
        {
            if (Holds)
                core.Frames.Put(Mfn.OfAddress(address));
            Walk.Dispose();
        }
    }
}
