using System.Buffers.Binary;

namespace Pv.Tests.Instructions.Oracle;

/// <summary>A static x86-64 ELF executable made of loadable segments (System V ABI, chapters 4 and 5).</summary>
internal sealed class ElfExecutable(ulong entry)
{
    private const int HeaderBytes = 64, ProgramHeaderBytes = 56, PageBytes = 4096;
    private readonly List<(ulong Address, SegmentAccess Access, int Content)> _segments = [];
    private readonly List<byte[]> _contents = [];

    [Flags]
    public enum SegmentAccess : uint
    {
        Execute = 1,
        Write = 2,
        Read = 4,
    }

    /// <summary>Adds bytes that segments can show; several may show the same.</summary>
    public int AddContent(byte[] content)
    {
        _contents.Add(content);
        return _contents.Count - 1;
    }

    /// <summary>A segment at a page-aligned address with the whole of a content.</summary>
    public void AddSegment(ulong address, SegmentAccess access, int content) => _segments.Add((address, access, content));

    public byte[] ToBytes()
    {
        var offsets = new int[_contents.Count];
        var end = PageBytes;
        for (var i = 0; i < offsets.Length; i++)
        {
            offsets[i] = end;
            end += (_contents[i].Length + PageBytes - 1) & -PageBytes;
        }
        var file = new byte[end];
        WriteHeader(file);
        var at = HeaderBytes;
        // The loader wants segments in the order of their addresses.
        foreach (var (address, access, content) in _segments.OrderBy(segment => segment.Address))
        {
            WriteProgramHeader(file.AsSpan(at), address, access, offsets[content], _contents[content].Length);
            at += ProgramHeaderBytes;
        }
        for (var i = 0; i < offsets.Length; i++)
            _contents[i].CopyTo(file, offsets[i]);
        return file;
    }

    private void WriteHeader(Span<byte> file)
    {
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', /* 64 bit */ 2, /* little endian */ 1, /* version */ 1];
        identity.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], 2); // ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], 62); // EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file[24..], entry);
        BinaryPrimitives.WriteUInt64LittleEndian(file[32..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file[54..], ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file[56..], (ushort)_segments.Count);
    }

    private static void WriteProgramHeader(Span<byte> at, ulong address, SegmentAccess access, int offset, int length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(at, 1); // PT_LOAD
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)access);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], (ulong)offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[32..], (ulong)length);
        BinaryPrimitives.WriteUInt64LittleEndian(at[40..], (ulong)length);
        BinaryPrimitives.WriteUInt64LittleEndian(at[48..], PageBytes);
    }
}
