using System.Globalization;
using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>
/// What a kernel says of itself to a PV domain builder (<c>public/elfnote.h</c>), from ELF notes or from the older
/// <c>__xen_guest</c> string. A null is a thing it does not say.
/// </summary>
public sealed record XenNotes
{
    private const string StringSection = "__xen_guest";

    /// <summary>Where to start.</summary>
    public ulong? Entry { get; init; }

    /// <summary>The page to fill with hypercall stubs.</summary>
    public ulong? HypercallPage { get; init; }

    /// <summary>Where pseudo-physical address 0 is mapped.</summary>
    public ulong? VirtualBase { get; init; }

    /// <summary>What the ELF file's physical addresses are ahead of pseudo-physical ones.</summary>
    public ulong? PhysicalOffset { get; init; }

    public string XenVersion { get; init; } = "";

    public string GuestOs { get; init; } = "";

    public string GuestVersion { get; init; } = "";

    public string Loader { get; init; } = "";

    public string PaeMode { get; init; } = "";

    public KernelFeatures Features { get; init; }

    /// <summary>The lowest address that the hypervisor may occupy.</summary>
    public ulong? HypervisorStartLow { get; init; }

    /// <summary>Mask and value by which a page-table entry with a machine frame is known.</summary>
    public (ulong Mask, ulong Value)? L1MfnValid { get; init; }

    /// <summary>The kernel takes up its work again when a suspend is cancelled.</summary>
    public bool SuspendCancel { get; init; }

    /// <summary>Where to map the initial physical-to-machine list.</summary>
    public ulong? InitialP2m { get; init; }

    /// <summary>The kernel takes a ramdisk that is not mapped, by its frame number.</summary>
    public bool ModStartPfn { get; init; }

    /// <summary>The entry of a PVH kernel, a physical address; of no meaning to a PV domain.</summary>
    public ulong? Physical32Entry { get; init; }

    /// <summary>Reads what an ELF file says.</summary>
    /// <exception cref="ImageException">It says nothing, or says it wrongly.</exception>
    public static XenNotes Read(ElfFile elf)
    {
        var notes = ElfNotes.Read(elf);
        var said = notes.Count > 0 ? FromNotes(notes) : FromString(TextOf(elf));
        said.Check();
        return said;
    }

    private static XenNotes FromNotes(ElfNotes notes)
    {
        var features = KernelFeatures.Parse(notes.Text(ElfNote.Features) ?? "");
        var supported = (uint)(notes.Number(ElfNote.SupportedFeatures) ?? 0);
        return new XenNotes
        {
            Entry = notes.Number(ElfNote.Entry),
            HypercallPage = notes.Number(ElfNote.HypercallPage),
            VirtualBase = notes.Number(ElfNote.VirtualBase),
            PhysicalOffset = notes.Number(ElfNote.PhysicalOffset),
            XenVersion = notes.Text(ElfNote.XenVersion) ?? "",
            GuestOs = notes.Text(ElfNote.GuestOs) ?? "",
            GuestVersion = notes.Text(ElfNote.GuestVersion) ?? "",
            Loader = notes.Text(ElfNote.Loader) ?? "",
            PaeMode = notes.Text(ElfNote.PaeMode) ?? "",
            Features = features with { Supported = features.Supported | supported },
            HypervisorStartLow = notes.Number(ElfNote.HypervisorStartLow),
            L1MfnValid = notes.Pair(ElfNote.L1MfnValid),
            SuspendCancel = notes.Number(ElfNote.SuspendCancel) is > 0,
            InitialP2m = notes.Number(ElfNote.InitialP2m),
            ModStartPfn = notes.Number(ElfNote.ModStartPfn) is > 0,
            Physical32Entry = notes.Number(ElfNote.Physical32Entry),
        };
    }

    // "NAME=value" pairs, parted by commas. The hypercall page is a page number above the virtual base here, and the
    // physical offset is the virtual base where it is not said.
    private static XenNotes FromString(string text)
    {
        var pairs = text.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2))
            .GroupBy(p => p[0].Trim(), p => p.Length > 1 ? p[1].Trim() : "")
            .ToDictionary(g => g.Key, g => g.Last());
        string Text(string name) => pairs.GetValueOrDefault(name, "");
        ulong? Number(string name) => pairs.TryGetValue(name, out var value) ? ParseNumber(name, value) : null;

        var virtualBase = Number("VIRT_BASE");
        return new XenNotes
        {
            Entry = Number("VIRT_ENTRY"),
            HypercallPage = Number("HYPERCALL_PAGE") is { } page ? unchecked((page << PageSize.Shift) + (virtualBase ?? 0)) : null,
            VirtualBase = virtualBase,
            PhysicalOffset = Number("ELF_PADDR_OFFSET") ?? virtualBase,
            XenVersion = Text("XEN_VER"),
            GuestOs = Text("GUEST_OS"),
            GuestVersion = Text("GUEST_VER"),
            Loader = Text("LOADER"),
            PaeMode = Text("PAE"),
            Features = KernelFeatures.Parse(Text("FEATURES")),
        };
    }

    private static string TextOf(ElfFile elf)
    {
        var section = elf.Sections.FirstOrDefault(s => s.Name == StringSection);
        if (section.Name != StringSection)
            throw new ImageException("The image is no Xen kernel: it has neither Xen notes nor a __xen_guest section.");
        return new ImageBytes(elf.Bytes(section.Offset, section.Size, "the __xen_guest section")).Text(0, "the __xen_guest section");
    }

    private static ulong ParseNumber(string name, string value)
    {
        var isHex = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (!ulong.TryParse(isHex ? value.AsSpan(2) : value, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new ImageException($"The image's __xen_guest section says {name}=\"{Shown(value)}\", which is no number.");
        return number;
    }

    private void Check()
    {
        if (!Loader.StartsWith("generic", StringComparison.Ordinal) && !GuestOs.StartsWith("linux", StringComparison.Ordinal))
            throw new ImageException($"The image is for the loader \"{Shown(Loader)}\", not for Xen's generic one.");
        if (!XenVersion.StartsWith("xen-3.0", StringComparison.Ordinal))
            throw new ImageException($"The image is for the interface \"{Shown(XenVersion)}\", not for xen-3.0.");
        if (Features.Requires(XenFeature.AutoTranslatedPhysmap) || Features.Requires(XenFeature.SupervisorModeKernel))
            throw new ImageException("The image requires translated memory or supervisor mode, which a PV domain does not have.");
        if (VirtualBase is null && PhysicalOffset is not null)
            throw new ImageException("The image has a physical offset, but no virtual base.");
    }

    // What an image says ends up on a terminal.
    private static string Shown(string text) =>
        string.Concat(text.Take(32).Select(c => char.IsControl(c) ? '?' : c)) + (text.Length > 32 ? "…" : "");
}
