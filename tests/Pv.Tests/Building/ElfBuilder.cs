using System.Buffers.Binary;
using System.Text;
using Pv.Abi;

namespace Pv.Tests.Building;

/// <summary>Makes ELF files for tests: segments, Xen notes in a segment or a section, or the old string.</summary>
public sealed class ElfBuilder
{
    private readonly List<(uint Type, ulong VirtualAddress, ulong PhysicalAddress, byte[] Bytes, ulong MemorySize)> _segments = [];
    private readonly List<(string Name, uint Type, byte[] Bytes)> _sections = [];
    private readonly MemoryStream _notes = new();

    public ulong Entry { get; set; }

    public ushort Machine { get; set; } = 62;

    public ElfBuilder Segment(ulong physicalAddress, byte[] bytes, ulong? memorySize = null, ulong virtualAddress = 0xdead0000)
    {
        _segments.Add((1, virtualAddress, physicalAddress, bytes, memorySize ?? (ulong)bytes.Length));
        return this;
    }

    public ElfBuilder Note(ElfNote type, ulong number, int bytes = 8)
    {
        var value = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(value, number);
        return Note((uint)type, value[..bytes]);
    }

    public ElfBuilder Note(ElfNote type, string text) => Note((uint)type, [.. Encoding.ASCII.GetBytes(text), 0]);

    public ElfBuilder Note(uint type, byte[] value, string owner = "Xen")
    {
        WriteUInt32((uint)owner.Length + 1);
        WriteUInt32((uint)value.Length);
        WriteUInt32(type);
        WritePadded([.. Encoding.ASCII.GetBytes(owner), 0]);
        WritePadded(value);
        return this;
    }

    /// <summary>The notes that every kernel has.</summary>
    public ElfBuilder Notes() => Note(ElfNote.XenVersion, "xen-3.0").Note(ElfNote.Loader, "generic").Note(ElfNote.GuestOs, "test");

    public ElfBuilder Section(string name, uint type, byte[] bytes)
    {
        _sections.Add((name, type, bytes));
        return this;
    }

    /// <summary>The file, its notes in a segment.</summary>
    public byte[] Build()
    {
        if (_notes.Length > 0)
            _segments.Add((4, 0, 0, _notes.ToArray(), 0));
        return Assemble();
    }

    /// <summary>The file, its notes in a section only.</summary>
    public byte[] BuildWithNoteSection()
    {
        Section(".note.Xen", 7, _notes.ToArray());
        return Assemble();
    }

    private byte[] Assemble()
    {
        var names = new MemoryStream();
        names.WriteByte(0);
        var sections = _sections.Select(s =>
        {
            var name = (uint)names.Length;
            names.Write([.. Encoding.ASCII.GetBytes(s.Name), 0]);
            return (Name: name, s.Type, s.Bytes);
        }).ToList();
        if (sections.Count > 0)
            sections.Add((Name: 0, Type: 3, Bytes: names.ToArray()));

        var dataAt = 64 + (56 * _segments.Count) + (64 * sections.Count);
        var file = new byte[dataAt + _segments.Sum(s => s.Bytes.Length) + sections.Sum(s => s.Bytes.Length)];
        var span = file.AsSpan();

        byte[] identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(span);
        Put16(span, 16, 2);
        Put16(span, 18, Machine);
        Put32(span, 20, 1);
        Put64(span, 24, Entry);
        Put64(span, 32, 64);
        Put64(span, 40, sections.Count > 0 ? (ulong)(64 + (56 * _segments.Count)) : 0);
        Put16(span, 52, 64);
        Put16(span, 54, 56);
        Put16(span, 56, (ushort)_segments.Count);
        Put16(span, 58, 64);
        Put16(span, 60, (ushort)sections.Count);
        Put16(span, 62, (ushort)Math.Max(0, sections.Count - 1));

        var at = 64;
        foreach (var (type, virtualAddress, physicalAddress, bytes, memorySize) in _segments)
        {
            Put32(span, at, type);
            Put32(span, at + 4, 7);
            Put64(span, at + 8, (ulong)dataAt);
            Put64(span, at + 16, virtualAddress);
            Put64(span, at + 24, physicalAddress);
            Put64(span, at + 32, (ulong)bytes.Length);
            Put64(span, at + 40, memorySize);
            bytes.CopyTo(span[dataAt..]);
            dataAt += bytes.Length;
            at += 56;
        }

        foreach (var (name, type, bytes) in sections)
        {
            Put32(span, at, name);
            Put32(span, at + 4, type);
            Put64(span, at + 24, (ulong)dataAt);
            Put64(span, at + 32, (ulong)bytes.Length);
            bytes.CopyTo(span[dataAt..]);
            dataAt += bytes.Length;
            at += 64;
        }

        return file;
    }

    private void WriteUInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _notes.Write(bytes);
    }

    private void WritePadded(byte[] bytes)
    {
        _notes.Write(bytes);
        while (_notes.Length % 4 != 0)
            _notes.WriteByte(0);
    }

    private static void Put16(Span<byte> file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file[at..], value);

    private static void Put32(Span<byte> file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file[at..], value);

    private static void Put64(Span<byte> file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file[at..], value);
}
