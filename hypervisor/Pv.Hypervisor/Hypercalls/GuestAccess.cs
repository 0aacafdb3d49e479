using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
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
            HostAddress.Read(address, to);
            return true;
        }
        var memory = _vcpu.Domain.Core.Memory;
        while (!to.IsEmpty)
        {
            using var walk = _vcpu.Walks.Begin();
            if (!TryTranslate(address, false, out var machine, out var length))
                return false;
            var part = Math.Min(length, to.Length);
            _vcpu.Domain.Core.Meter?.CountBytes(part);
            memory.Bytes(machine, part).CopyTo(to);
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
            HostAddress.Write(address, from);
            return true;
        }
        var memory = _vcpu.Domain.Core.Memory;
        while (!from.IsEmpty)
        {
            using var walk = _vcpu.Walks.Begin();
            if (!TryTranslate(address, true, out var machine, out var length))
                return false;
            var part = Math.Min(length, from.Length);
            _vcpu.Domain.Core.Meter?.CountBytes(part);
            from[..part].CopyTo(memory.Bytes(machine, part));
            memory.Marks.NoteWrite(Mfn.OfAddress(machine));
            from = from[part..];
            address += (ulong)part;
        }
        return true;
    }

    /// <summary>Copies one value in; the common case that it lies in one page takes the short way.</summary>
    public bool TryRead<T>(ulong address, out T value) where T : unmanaged
    {
        if (_vcpu.Domain.Kind == DomainKind.Control || !FitsPage<T>(address))
        {
            value = default;
            return TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        }
        using var walk = _vcpu.Walks.Begin();
        if (!TryTranslate(address, false, out var machine, out _))
        {
            value = default;
            return false;
        }
        value = _vcpu.Domain.Core.Memory.At<T>(machine);
        return true;
    }

    /// <summary>Copies one value out.</summary>
    public bool TryWrite<T>(ulong address, in T value) where T : unmanaged
    {
        if (_vcpu.Domain.Kind == DomainKind.Control || !FitsPage<T>(address))
            return TryWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        using var walk = _vcpu.Walks.Begin();
        if (!TryTranslate(address, true, out var machine, out _))
            return false;
        var memory = _vcpu.Domain.Core.Memory;
        memory.At<T>(machine) = value;
        memory.Marks.NoteWrite(Mfn.OfAddress(machine));
        return true;
    }

    private static bool FitsPage<T>(ulong address) where T : unmanaged => (address & PageSize.OffsetMask) <= (ulong)(PageSize.Bytes - SizeOf<T>.Bytes);

    /// <summary>How many bytes a value takes in a guest's memory.</summary>
    internal static class SizeOf<T> where T : unmanaged
    {
        public static readonly int Bytes = MemoryMarshal.AsBytes<T>([default]).Length;
    }

    /// <summary>Translates one address, and tells how many bytes from it on lie in the same page.</summary>
    private bool TryTranslate(ulong address, bool write, out ulong machine, out int length)
    {
        var found = Translate(address, write, out machine, out length);
        // Between looking up and copying, a mapping may go.
        _vcpu.Domain.Core.Stepper?.Point();
        return found;
    }

    private bool Translate(ulong address, bool write, out ulong machine, out int length)
    {
        var offset = address & PageSize.OffsetMask;
        length = PageSize.Bytes - (int)offset;
        machine = 0;
        if (_vcpu.Domain.PhysicalMap is { } map)
        {
            if (map.Get(Pfn.OfAddress(address), out var mfn) is PhysicalMapKind.Empty)
                return false;
            machine = mfn.Address | offset;
            return true;
        }
        return !PageWalker.IsReserved(address) && PageWalker.TryWalk(_vcpu.Domain.Core.Memory, Root, address, write, out machine);
    }
}
