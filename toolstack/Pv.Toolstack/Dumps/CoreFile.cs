using System.Buffers.Binary;
using System.Text;

namespace Pv.Toolstack.Dumps;

/// <summary>
/// A core file of Xen's kind on its way to disk: ELF for x86-64 with sections and no program headers (<c>docs/misc/dump-core-format.txt</c>).
/// Sections are written one after the other; the header and the table, which stand first, come last.
/// </summary>
internal sealed class CoreFile
{
    private const int HeaderBytes = 64, SectionHeaderBytes = 64, FirstSections = 2;
    private const ushort TypeCore = 4, MachineX64 = 62;
    private const uint StringTable = 3;

    private readonly Stream _file;
    private readonly int _most;
    private readonly List<(string Name, uint Type, ulong Offset, ulong Size, ulong Entry, ulong Alignment)> _sections = [];

    /// <param name="file">Empty, and can seek.</param>
    /// <param name="sections">As many will be written at most.</param>
    public CoreFile(Stream file, int sections)
    {
        (_file, _most) = (file, sections + FirstSections);
        _file.Position = HeaderBytes + _most * SectionHeaderBytes;
    }

    /// <summary>ELF's section types of notes and of bytes that only their reader understands.</summary>
    public const uint Notes = 7, Content = 1;

    /// <summary>Begins a section where the last one ended.</summary>
    /// <returns>To be disposed when its bytes are written.</returns>
    public Section Begin(string name, uint type, ulong entryBytes = 0, int alignment = 1)
    {
        _file.Position = (_file.Position + alignment - 1) & -alignment;
        return new Section(this, name, type, (ulong)_file.Position, entryBytes, (ulong)alignment);
    }

    /// <summary>Writes the names, the table and the header.</summary>
    public void End()
    {
        var names = new StringBuilder("\0.shstrtab\0");
        var table = new byte[HeaderBytes + (_sections.Count + FirstSections) * SectionHeaderBytes];
        for (var i = 0; i < _sections.Count; i++)
        {
            var (name, type, offset, size, entry, alignment) = _sections[i];
            Put(table, i + FirstSections, (uint)names.Length, type, offset, size, entry, alignment);
            names.Append(name).Append('\0');
        }
        var strings = Encoding.ASCII.GetBytes(names.ToString());
        Put(table, 1, 1, StringTable, (ulong)_file.Position, (ulong)strings.Length, 0, 0);
        _file.Write(strings);
        PutHeader(table, (ushort)(_sections.Count + FirstSections));
        _file.Position = 0;
        _file.Write(table);
    }

    private static void PutHeader(Span<byte> header, ushort sections)
    {
        // Class, byte order, version, and the ABI's version as Xen's tools write it.
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 1];
        identity.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], TypeCore);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], MachineX64);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(header[58..], SectionHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[60..], sections);
        BinaryPrimitives.WriteUInt16LittleEndian(header[62..], 1);
    }

    private static void Put(Span<byte> table, int index, uint name, uint type, ulong offset, ulong size, ulong entry, ulong alignment)
    {
        var section = table[(HeaderBytes + index * SectionHeaderBytes)..];
        BinaryPrimitives.WriteUInt32LittleEndian(section, name);
        BinaryPrimitives.WriteUInt32LittleEndian(section[4..], type);
        BinaryPrimitives.WriteUInt64LittleEndian(section[24..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(section[32..], size);
        BinaryPrimitives.WriteUInt64LittleEndian(section[48..], alignment);
        BinaryPrimitives.WriteUInt64LittleEndian(section[56..], entry);
    }

    /// <summary>A section while its bytes are written.</summary>
    public readonly struct Section(CoreFile core, string name, uint type, ulong offset, ulong entryBytes, ulong alignment) : IDisposable
    {
        public void Write(ReadOnlySpan<byte> bytes) => core._file.Write(bytes);

        /// <summary>A note of Xen's: its length counts, and what follows it is aligned to four bytes.</summary>
        public void WriteNote(uint type, ReadOnlySpan<byte> content)
        {
            Span<byte> head = stackalloc byte[16];
            BinaryPrimitives.WriteUInt32LittleEndian(head, 4);
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)content.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], type);
            "Xen\0"u8.CopyTo(head[12..]);
            core._file.Write(head);
            core._file.Write(content);
        }

        public void Dispose()
        {
            if (core._sections.Count == core._most - FirstSections)
                throw new InvalidOperationException("The table of sections is full.");
            core._sections.Add((name, type, offset, (ulong)core._file.Position - offset, entryBytes, alignment));
        }
    }
}
