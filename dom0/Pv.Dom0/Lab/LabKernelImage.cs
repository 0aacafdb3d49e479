using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.Dom0.Lab;

/// <summary>Wraps the lab's kernel into a 64-bit ELF file with Xen's notes: one segment of code and empty memory, one of notes.</summary>
internal static class LabKernelImage
{
    private const int HeaderBytes = 64, ProgramHeaderBytes = 56;

    public static byte[] Write(ReadOnlySpan<byte> code)
    {
        var notes = Notes();
        var image = new byte[PageSize.Bytes + code.Length];
        var header = image.AsSpan();
        // 64 bits, little-endian; an executable for x86-64.
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], LabKernelLayout.Base);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 2);
        const int notesAt = HeaderBytes + (2 * ProgramHeaderBytes);
        WriteSegment(header[HeaderBytes..], 1, PageSize.Bytes, LabKernelLayout.Base, code.Length, LabKernelLayout.End - LabKernelLayout.Base);
        WriteSegment(header[(HeaderBytes + ProgramHeaderBytes)..], 4, notesAt, 0, notes.Length, (ulong)notes.Length);
        notes.CopyTo(header[notesAt..]);
        code.CopyTo(header[PageSize.Bytes..]);
        return image;
    }

    private static void WriteSegment(Span<byte> at, uint type, int offset, ulong address, int fileBytes, ulong memoryBytes)
    {
        const uint readWriteExecute = 7;
        BinaryPrimitives.WriteUInt32LittleEndian(at, type);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], readWriteExecute);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], (ulong)offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[32..], (ulong)fileBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(at[40..], memoryBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(at[48..], 4);
    }

    private static byte[] Notes()
    {
        const uint entry = 1, virtualBase = 3, physicalOffset = 4, xenVersion = 5, guestOs = 6, loader = 8;
        var notes = new MemoryStream();
        Add(entry, BitConverter.GetBytes(LabKernelLayout.Base));
        Add(virtualBase, BitConverter.GetBytes(LabKernelLayout.Base));
        Add(physicalOffset, BitConverter.GetBytes(0ul));
        Add(xenVersion, "xen-3.0\0"u8);
        Add(guestOs, "pv-lab\0"u8);
        Add(loader, "generic\0"u8);
        return notes.ToArray();

        void Add(uint type, ReadOnlySpan<byte> content)
        {
            notes.Write(BitConverter.GetBytes(4));
            notes.Write(BitConverter.GetBytes(content.Length));
            notes.Write(BitConverter.GetBytes(type));
            notes.Write("Xen\0"u8);
            notes.Write(content);
            notes.Write(new byte[-content.Length & 3]);
        }
    }
}
