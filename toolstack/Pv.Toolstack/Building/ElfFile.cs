namespace Pv.Toolstack.Building;

/// <summary>A program header of an ELF file: bytes of the file, and where they go.</summary>
public readonly record struct ElfProgramHeader(
    uint Type, uint Flags, ulong Offset, ulong VirtualAddress, ulong PhysicalAddress, ulong FileSize, ulong MemorySize)
{
    public const uint Load = 1;
    public const uint Note = 4;

    /// <summary>Whether a loader puts it into memory: of type load, and at least readable, writable or executable.</summary>
    public bool IsLoadable => Type == Load && (Flags & 7) != 0;
}

/// <summary>A section header of an ELF file.</summary>
public readonly record struct ElfSection(string Name, uint Type, ulong Offset, ulong Size)
{
    public const uint Note = 7;
    public const uint NoBits = 8;
}

/// <summary>
/// A 64-bit x86 ELF file (System V ABI, chapter 4; AMD64 supplement). Only what a domain builder needs:
/// the entry, the program headers and the sections.
/// </summary>
public sealed class ElfFile
{
    private const int HeaderBytes = 64, ProgramHeaderBytes = 56, SectionHeaderBytes = 64;
    private const byte Class64 = 2, LittleEndian = 1;
    private const ushort MachineI386 = 3, MachineX64 = 62;

    private ElfFile(ImageBytes image)
    {
        Image = image;
        Entry = image.U64(24, "the ELF entry");
        ProgramHeaders = ReadProgramHeaders(image);
        Sections = ReadSections(image);
    }

    /// <summary>The whole file.</summary>
    public ImageBytes Image { get; }

    /// <summary>The header's entry address, a virtual one.</summary>
    public ulong Entry { get; }

    public IReadOnlyList<ElfProgramHeader> ProgramHeaders { get; }

    public IReadOnlyList<ElfSection> Sections { get; }

    /// <summary>Whether the bytes start as an ELF file does, whatever machine it is for.</summary>
    public static bool IsElf(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\u007fELF"u8);

    /// <exception cref="ImageException">It is no ELF file for 64-bit x86, or it is damaged.</exception>
    public static ElfFile Parse(ReadOnlyMemory<byte> bytes)
    {
        var image = new ImageBytes(bytes);
        if (!IsElf(bytes.Span))
            throw new ImageException("The image is no ELF file.");
        if (bytes.Length < HeaderBytes)
            throw new ImageException("The image is cut short within its ELF header.");

        var machine = image.U16(18, "the ELF machine");
        if (machine == MachineI386)
            throw new ImageException("The image is for 32-bit x86; only 64-bit kernels can be started.");
        if (image.U8(4, "the ELF class") != Class64 || image.U8(5, "the ELF byte order") != LittleEndian || machine != MachineX64)
            throw new ImageException($"The image is not for 64-bit x86 (ELF machine {machine}).");
        return new ElfFile(image);
    }

    /// <summary>The file's part that a header or section names.</summary>
    public ReadOnlyMemory<byte> Bytes(ulong offset, ulong size, string what) => Image.Slice(offset, size, what);

    private static List<ElfProgramHeader> ReadProgramHeaders(ImageBytes image)
    {
        var table = image.U64(32, "the ELF program header offset");
        var entryBytes = image.U16(54, "the ELF program header size");
        var count = image.U16(56, "the ELF program header count");
        if (count > 0 && entryBytes < ProgramHeaderBytes)
            throw new ImageException($"The image has program headers of {entryBytes} bytes; 64-bit ELF has {ProgramHeaderBytes}.");

        var headers = new List<ElfProgramHeader>();
        image.Slice(table, (ulong)entryBytes * count, "the program headers");
        for (uint i = 0; i < count; i++)
        {
            var at = table + ((ulong)entryBytes * i);
            headers.Add(new ElfProgramHeader(
                image.U32(at, "a program header"),
                image.U32(at + 4, "a program header"),
                image.U64(at + 8, "a program header"),
                image.U64(at + 16, "a program header"),
                image.U64(at + 24, "a program header"),
                image.U64(at + 32, "a program header"),
                image.U64(at + 40, "a program header")));
        }

        return headers;
    }

    private static List<ElfSection> ReadSections(ImageBytes image)
    {
        var table = image.U64(40, "the ELF section header offset");
        var entryBytes = image.U16(58, "the ELF section header size");
        var count = image.U16(60, "the ELF section header count");
        var namesIndex = image.U16(62, "the ELF section name index");

        var sections = new List<ElfSection>();
        if (table == 0 || count == 0)
            return sections;
        if (entryBytes < SectionHeaderBytes)
            throw new ImageException($"The image has section headers of {entryBytes} bytes; 64-bit ELF has {SectionHeaderBytes}.");

        image.Slice(table, (ulong)entryBytes * count, "the section headers");
        var names = NamesOf(image, table, entryBytes, count, namesIndex);
        for (uint i = 0; i < count; i++)
        {
            var at = table + ((ulong)entryBytes * i);
            var name = image.U32(at, "a section header");
            sections.Add(new ElfSection(
                name < (uint)names.Length ? names.Text(name, "a section name") : "",
                image.U32(at + 4, "a section header"),
                image.U64(at + 24, "a section header"),
                image.U64(at + 32, "a section header")));
        }

        return sections;
    }

    // A file without section names is odd, but still a kernel.
    private static ImageBytes NamesOf(ImageBytes image, ulong table, ushort entryBytes, ushort count, ushort index)
    {
        if (index == 0 || index >= count)
            return default;
        var at = table + ((ulong)entryBytes * index);
        if (image.U32(at + 4, "a section header") == ElfSection.NoBits)
            return default;
        return new ImageBytes(image.Slice(image.U64(at + 24, "a section header"), image.U64(at + 32, "a section header"), "the section names"));
    }
}
