using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Building;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Dumps;

/// <summary>Writes a PV domain's registers and memory as Xen's tools do (<c>docs/misc/dump-core-format.txt</c>), for crash(8) and gdb.</summary>
/// <param name="control">The control calls.</param>
/// <param name="slots">Where Dom0 maps foreign pages.</param>
internal sealed class CoreDump(HypervisorControl control, GuestMemory slots)
{
    // Note types, and the version of the format: 0.1.
    private const uint NoteNone = 0x2000000, NoteHeader = 0x2000001, NoteXenVersion = 0x2000002, NoteFormatVersion = 0x2000003;
    private const ulong Magic = 0xF00FEBED, FormatVersion = 1;
    private const int Sections = 5, PageEntryBytes = 16;

    /// <summary>Writes the whole of it. The domain does not run meanwhile.</summary>
    /// <param name="domain">A domain that is there.</param>
    /// <param name="file">Empty, and can seek.</param>
    /// <param name="cancel">Leaves the file as it is then.</param>
    /// <exception cref="InvalidDataException">The domain is not such that a dump could be made; the message says why, without naming it.</exception>
    public void Write(DomId domain, Stream file, CancellationToken cancel)
    {
        var info = control.GetDomainInfo(domain) ?? throw new InvalidDataException("it is gone");
        if ((info.Flags & DomainInfoFlags.HvmGuest) != 0)
            throw new InvalidDataException("it is a C# guest, whose state is in the managed heap of pvd");
        using var memory = new ForeignMemory(control, slots, domain, null);
        var shared = memory.TryRead(new Mfn(info.SharedInfoFrame)) ?? throw new InvalidDataException("its shared_info cannot be read");
        var pages = FrameList.Read(memory, MemoryMarshal.Read<SharedInfo>(shared).Arch, info.TotalPages);
        var contexts = Contexts(domain, info.MaxVcpuId);

        var core = new CoreFile(file, Sections);
        using (var notes = core.Begin(".note.Xen", CoreFile.Notes))
            WriteNotes(notes, (ulong)contexts.Count, (ulong)pages.Count);
        using (var status = core.Begin(".xen_prstatus", CoreFile.Content, VcpuGuestContext.WireSize, 8))
            status.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(contexts)));
        using (var section = core.Begin(".xen_shared_info", CoreFile.Content, PageSize.Bytes, 8))
            section.Write(shared);
        using (var section = core.Begin(".xen_pages", CoreFile.Content, PageSize.Bytes, PageSize.Bytes))
            WritePages(section, memory, pages, cancel);
        using (var section = core.Begin(".xen_p2m", CoreFile.Content, PageEntryBytes, 8))
            section.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(pages)));
        core.End();
    }

    /// <summary>The contexts of the vCPUs that have one.</summary>
    private List<VcpuGuestContext> Contexts(DomId domain, uint last)
    {
        var contexts = new List<VcpuGuestContext>();
        for (uint vcpu = 0; vcpu <= last; vcpu++)
        {
            if (control.GetVcpuContext(domain, new VcpuId(vcpu)) is { } context)
                contexts.Add(context);
        }
        return contexts;
    }

    private static void WritePages(CoreFile.Section section, ForeignMemory memory, List<(ulong Pfn, ulong Mfn)> pages, CancellationToken cancel)
    {
        var zero = new byte[PageSize.Bytes];
        foreach (var (_, mfn) in pages)
        {
            cancel.ThrowIfCancellationRequested();
            // A frame that the guest says is its own and is not reads as nothing.
            section.Write(memory.TryRead(new Mfn(mfn)) ?? zero);
        }
    }

    private void WriteNotes(CoreFile.Section notes, ulong vcpus, ulong pages)
    {
        notes.WriteNote(NoteNone, []);
        notes.WriteNote(NoteHeader, MemoryMarshal.AsBytes<ulong>([Magic, vcpus, pages, PageSize.Bytes]));
        notes.WriteNote(NoteXenVersion, VersionNote());
        notes.WriteNote(NoteFormatVersion, MemoryMarshal.AsBytes<ulong>([FormatVersion]));
    }

    /// <summary>Major, minor, the strings of <c>xen_version</c> at their full length, the reserved area's start, the page size.</summary>
    private byte[] VersionNote()
    {
        var version = control.Version();
        var compiled = control.CompileInfo();
        using var note = new MemoryStream();
        note.Write(MemoryMarshal.AsBytes<ulong>([version >> 16, version & 0xffff]));
        WriteText(note, control.ExtraVersion(), VersionLimits.ExtraVersionBytes);
        note.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<XenCompileInfo>(in compiled)));
        WriteText(note, control.Capabilities(), VersionLimits.CapabilitiesBytes);
        WriteText(note, control.Changeset(), VersionLimits.ChangesetBytes);
        note.Write(MemoryMarshal.AsBytes<ulong>([control.VirtualStart(), PageSize.Bytes]));
        return note.ToArray();
    }

    private static void WriteText(MemoryStream note, string text, int bytes)
    {
        var field = new byte[bytes];
        System.Text.Encoding.ASCII.GetBytes(text, field);
        note.Write(field);
    }
}
