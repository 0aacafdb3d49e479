using System.Buffers.Binary;
using System.Text;
using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>The notes of owner "Xen" that an ELF file holds, as they are.</summary>
public sealed class ElfNotes
{
    private const int HeaderBytes = 12;
    private const string Owner = "Xen";

    private readonly Dictionary<ElfNote, ReadOnlyMemory<byte>> _notes = [];

    private ElfNotes()
    {
    }

    /// <summary>How many kinds of note there are.</summary>
    public int Count => _notes.Count;

    public bool Has(ElfNote type) => _notes.ContainsKey(type);

    /// <summary>Reads the notes in program headers, or where there are none, those in sections (Mini-OS, Unikraft).</summary>
    public static ElfNotes Read(ElfFile elf)
    {
        var notes = new ElfNotes();
        foreach (var header in elf.ProgramHeaders.Where(h => h.Type == ElfProgramHeader.Note))
            notes.Add(elf.Bytes(header.Offset, header.FileSize, "a note segment"));
        if (notes.Count > 0)
            return notes;
        foreach (var section in elf.Sections.Where(s => s.Type == ElfSection.Note))
            notes.Add(elf.Bytes(section.Offset, section.Size, "a note section"));
        return notes;
    }

    /// <summary>A note's text, without the NUL that ends it; null when there is no such note.</summary>
    public string? Text(ElfNote type)
    {
        if (!_notes.TryGetValue(type, out var value))
            return null;
        var end = value.Span.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? value.Span : value.Span[..end]);
    }

    /// <summary>A note's number, of 4 or 8 bytes; null when there is no such note.</summary>
    public ulong? Number(ElfNote type) => _notes.TryGetValue(type, out var value) ? NumberIn(type, value.Span, value.Length) : null;

    /// <summary>The first and second number of a note that is a pair; null when there is no such note.</summary>
    public (ulong First, ulong Second)? Pair(ElfNote type)
    {
        if (!_notes.TryGetValue(type, out var value))
            return null;
        var half = value.Length / 2;
        return (NumberIn(type, value.Span, half), NumberIn(type, value.Span[half..], half));
    }

    private static ulong NumberIn(ElfNote type, ReadOnlySpan<byte> value, int length) => length switch
    {
        1 => value[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(value),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(value),
        8 => BinaryPrimitives.ReadUInt64LittleEndian(value),
        _ => throw new ImageException($"The image's Xen note {type} has {value.Length} bytes, which is no number."),
    };

    // A note: lengths of name and value, type, then name and value, each padded to 4 bytes.
    private void Add(ReadOnlyMemory<byte> area)
    {
        var bytes = new ImageBytes(area);
        for (ulong at = 0; at + HeaderBytes <= (ulong)bytes.Length;)
        {
            ulong nameBytes = bytes.U32(at, "a note"), valueBytes = bytes.U32(at + 4, "a note");
            var type = bytes.U32(at + 8, "a note");
            var name = bytes.Slice(at + HeaderBytes, nameBytes, "a note's owner").Span;
            var valueAt = at + HeaderBytes + Padded(nameBytes);
            var value = bytes.Slice(valueAt, valueBytes, "a note's value");

            if (name.TrimEnd((byte)0).SequenceEqual(Encoding.ASCII.GetBytes(Owner)))
                _notes[(ElfNote)type] = value;
            at = valueAt + Padded(valueBytes);
        }
    }

    private static ulong Padded(ulong length) => (length + 3) & ~3ul;
}
