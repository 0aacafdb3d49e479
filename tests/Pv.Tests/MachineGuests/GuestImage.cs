using System.Buffers.Binary;
using System.Text;

namespace Pv.Tests.MachineGuests;

/// <summary>Wraps a guest's memory image into a 64-bit ELF kernel with Xen's notes, one loadable segment and one of notes.</summary>
internal static class GuestImage
{
    private const int HeaderLength = 64, ProgramHeaderLength = 56, FileOffset = 0x1000;

    private enum Note : uint
    {
        Entry = 1, VirtBase = 3, PaddrOffset = 4, XenVersion = 5, GuestOs = 6, GuestVersion = 7, Loader = 8, InitP2m = 15, ModStartPfn = 16,
    }

    /// <param name="content">The bytes from <see cref="GuestLayout.Base"/> on.</param>
    /// <param name="memoryLength">How much of the address space the image takes; what <paramref name="content"/> lacks is zero.</param>
    /// <param name="p2mAddress">Where the list of frames is wanted, or 0.</param>
    public static byte[] Write(ReadOnlySpan<byte> content, ulong memoryLength, ulong p2mAddress)
    {
        var notes = Notes(p2mAddress);
        var image = new byte[FileOffset + content.Length];
        var header = image.AsSpan();
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2); // an executable
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62); // for x86-64
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], GuestLayout.Runtime);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[58..], 64);

        var notesOffset = HeaderLength + 2 * ProgramHeaderLength;
        notes.CopyTo(header[notesOffset..]);
        WriteSegment(header[HeaderLength..], type: 1, flags: 7, FileOffset, GuestLayout.Base, (ulong)content.Length, memoryLength, 0x1000);
        WriteSegment(header[(HeaderLength + ProgramHeaderLength)..], type: 4, flags: 4, (ulong)notesOffset, 0, (ulong)notes.Length, (ulong)notes.Length, 4);
        content.CopyTo(header[FileOffset..]);
        return image;
    }

    private static void WriteSegment(
        Span<byte> at, uint type, uint flags, ulong offset, ulong address, ulong fileLength, ulong memoryLength, ulong alignment)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(at, type);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[24..], 0); // loaded at physical address 0
        BinaryPrimitives.WriteUInt64LittleEndian(at[32..], fileLength);
        BinaryPrimitives.WriteUInt64LittleEndian(at[40..], memoryLength);
        BinaryPrimitives.WriteUInt64LittleEndian(at[48..], alignment);
    }

    private static byte[] Notes(ulong p2mAddress)
    {
        var stream = new MemoryStream();
        Add(stream, Note.Entry, Number(GuestLayout.Runtime));
        Add(stream, Note.VirtBase, Number(GuestLayout.Base));
        Add(stream, Note.PaddrOffset, Number(0));
        Add(stream, Note.XenVersion, Text("xen-3.0"));
        Add(stream, Note.GuestOs, Text("pv-machine-guest"));
        Add(stream, Note.GuestVersion, Text("1"));
        Add(stream, Note.Loader, Text("generic"));
        if (p2mAddress != 0)
        {
            Add(stream, Note.InitP2m, Number(p2mAddress));
            Add(stream, Note.ModStartPfn, BitConverter.GetBytes(1));
        }

        return stream.ToArray();

        static byte[] Number(ulong value) => BitConverter.GetBytes(value);
        static byte[] Text(string value) => Encoding.ASCII.GetBytes(value + "\0");
    }

    private static void Add(MemoryStream stream, Note type, byte[] content)
    {
        stream.Write(BitConverter.GetBytes(4));
        stream.Write(BitConverter.GetBytes(content.Length));
        stream.Write(BitConverter.GetBytes((uint)type));
        stream.Write("Xen\0"u8);
        stream.Write(content);
        while (stream.Length % 4 != 0)
            stream.WriteByte(0);
    }
}
