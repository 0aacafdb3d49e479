namespace Pv.Abi;

/// <summary>A machine frame number: the index of a 4 KiB frame of the host that Pv is. Its byte offset is the machine address.</summary>
public readonly record struct Mfn(ulong Value) : IComparable<Mfn>
{
    /// <summary>All ones, as an empty machine-to-physical or physical-to-machine entry holds.</summary>
    public static readonly Mfn Invalid = new(ulong.MaxValue);

    /// <summary>The machine address of the frame's first byte.</summary>
    public ulong Address => Value << PageSize.Shift;

    public static Mfn OfAddress(ulong machineAddress) => new(machineAddress >> PageSize.Shift);

    public Mfn Plus(ulong frames) => new(Value + frames);

    public int CompareTo(Mfn other) => Value.CompareTo(other.Value);

    public override string ToString() => $"mfn 0x{Value:x}";
}

/// <summary>A pseudo-physical frame number: a frame as its own domain counts it (the guest frame number, for an auto-translated domain).</summary>
public readonly record struct Pfn(ulong Value) : IComparable<Pfn>
{
    /// <summary>All ones: the machine-to-physical entry of a frame that no domain's map names.</summary>
    public static readonly Pfn Invalid = new(ulong.MaxValue);

    /// <summary>The pseudo-physical address of the frame's first byte.</summary>
    public ulong Address => Value << PageSize.Shift;

    public static Pfn OfAddress(ulong address) => new(address >> PageSize.Shift);

    public Pfn Plus(ulong frames) => new(Value + frames);

    public int CompareTo(Pfn other) => Value.CompareTo(other.Value);

    public override string ToString() => $"pfn 0x{Value:x}";
}

/// <summary>A domain's number.</summary>
public readonly record struct DomId(ushort Value) : IComparable<DomId>
{
    public static readonly DomId Dom0 = new(0);

    /// <summary><c>DOMID_SELF</c>: the caller.</summary>
    [Xen("DOMID_SELF")]
    public static readonly DomId Self = new(0x7ff0);

    /// <summary><c>DOMID_IO</c>: owner of I/O memory.</summary>
    [Xen("DOMID_IO")]
    public static readonly DomId Io = new(0x7ff1);

    /// <summary><c>DOMID_XEN</c>: owner of the hypervisor's own frames.</summary>
    [Xen("DOMID_XEN")]
    public static readonly DomId Xen = new(0x7ff2);

    /// <summary><c>DOMID_INVALID</c>.</summary>
    [Xen("DOMID_INVALID")]
    public static readonly DomId Invalid = new(0x7ff4);

    /// <summary><c>DOMID_FIRST_RESERVED</c>: numbers from here on name no ordinary domain.</summary>
    [Xen("DOMID_FIRST_RESERVED")]
    public const ushort FirstReserved = 0x7ff0;

    public bool IsReserved => Value >= FirstReserved;

    public int CompareTo(DomId other) => Value.CompareTo(other.Value);

    public override string ToString() => $"d{Value}";
}

/// <summary>A vCPU's number within its domain.</summary>
public readonly record struct VcpuId(uint Value)
{
    public override string ToString() => $"v{Value}";
}

/// <summary>An event channel's number within its domain. Port 0 is never valid.</summary>
public readonly record struct EventPort(uint Value)
{
    public override string ToString() => $"port {Value}";
}

/// <summary>The index of an entry in its domain's grant table.</summary>
public readonly record struct GrantRef(uint Value)
{
    public override string ToString() => $"gref {Value}";
}

/// <summary>The page size of x86 and of every structure of the ABI that counts in pages.</summary>
public static class PageSize
{
    public const int Bytes = 4096;
    [Xen("XEN_PAGE_SHIFT")]
    public const int Shift = 12;
    public const ulong OffsetMask = Bytes - 1;

    /// <summary>How many pages hold <paramref name="bytes"/>.</summary>
    public static ulong PagesFor(ulong bytes) => (bytes + OffsetMask) >> Shift;
}
