using System.Buffers.Binary;
using System.Text;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests;

/// <summary>
/// The code of a machine-code guest while it is being written: instructions through <see cref="Asm"/>, and above them the words that
/// the guests share. Unless a word says otherwise it clobbers rax alone.
/// </summary>
internal sealed partial class GuestCode
{
    private readonly byte[] _data = new byte[GuestLayout.Pages - GuestLayout.Data];
    private readonly Dictionary<string, ulong> _names = [];
    private ulong _dataEnd = V.End;
    private ulong _pagesEnd = GuestLayout.FreePages;

    public Assembler Asm { get; } = new(64);

    public static GuestRuntime Runtime => GuestRuntime.Instance;

    /// <summary>Eight bytes of memory that start as <paramref name="value"/>; more when <paramref name="length"/> says so.</summary>
    public ulong Variable(ulong value = 0, int length = 8)
    {
        var address = Reserve(length, 8);
        if (length >= 8)
            BinaryPrimitives.WriteUInt64LittleEndian(DataAt(address), value);
        return address;
    }

    /// <summary>A table of quadwords.</summary>
    public ulong Table(params ReadOnlySpan<ulong> values)
    {
        var address = Reserve(Math.Max(values.Length, 1) * 8, 16);
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(DataAt(address + (ulong)i * 8), values[i]);
        return address;
    }

    /// <summary>Whole pages, zero at the start and mapped writable by the domain builder.</summary>
    public ulong Pages(int count = 1)
    {
        var address = _pagesEnd;
        _pagesEnd += (ulong)count << 12;
        return address;
    }

    /// <summary>Records a row.</summary>
    public void Record(string name, Operand value)
    {
        Asm.mov(__qword_ptr[V.Scratch], rax);
        value.Load(Asm, rax);
        Asm.mov(__qword_ptr[V.Value], rax);
        Asm.mov(rax, __qword_ptr[V.Scratch]);
        EmitRow(name);
    }

    /// <summary>Records the low bits of a value alone.</summary>
    public void RecordMasked(string name, Operand value, ulong mask)
    {
        Asm.mov(__qword_ptr[V.SecondScratch], rcx);
        value.Load(Asm, rax);
        Asm.mov(rcx, mask);
        Asm.and(rax, rcx);
        Asm.mov(rcx, __qword_ptr[V.SecondScratch]);
        Record(name, rax);
    }

    /// <summary>Records <paramref name="value"/> minus <paramref name="origin"/>, neither of which may be in rax or rcx.</summary>
    public void RecordDifference(string name, Operand value, Operand origin)
    {
        Asm.mov(__qword_ptr[V.SecondScratch], rcx);
        value.Load(Asm, rax);
        origin.Load(Asm, rcx);
        Asm.sub(rax, rcx);
        Asm.mov(rcx, __qword_ptr[V.SecondScratch]);
        Record(name, rax);
    }

    /// <summary>Records 1 when the two are equal, else 0. The first may be rax, neither rcx.</summary>
    public void RecordEqual(string name, Operand left, Operand right)
    {
        Asm.mov(__qword_ptr[V.SecondScratch], rcx);
        left.Load(Asm, rax);
        right.Load(Asm, rcx);
        Asm.cmp(rax, rcx);
        Asm.mov(eax, 0);
        Asm.sete(al);
        Asm.mov(rcx, __qword_ptr[V.SecondScratch]);
        Record(name, rax);
    }

    /// <summary>Prints what is recorded so far: for guests that the next instruction may kill.</summary>
    public void Flush() => Asm.call(Runtime.Flush);

    /// <summary>Writes eight bytes.</summary>
    public void Store(ulong address, Operand value)
    {
        value.Load(Asm, rax);
        Asm.mov(__qword_ptr[address], rax);
    }

    /// <summary>Writes four bytes.</summary>
    public void Store32(ulong address, uint value) => Asm.mov(__dword_ptr[address], value);

    public void Store16(ulong address, ushort value) => Asm.mov(__word_ptr[address], value);

    public void Store8(ulong address, byte value) => Asm.mov(__byte_ptr[address], value);

    /// <summary>A hypercall; its result is in rax. Arguments are loaded in order (rdi, rsi, rdx, r10, r8); rcx and r11 are lost.</summary>
    public void Call(XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        var registers = new[] { rdi, rsi, rdx, r10, r8 };
        for (var i = 0; i < arguments.Length; i++)
            arguments[i].Load(Asm, registers[i]);
        Asm.mov(eax, (uint)call);
        Asm.syscall();
    }

    /// <summary>A hypercall whose result is a row.</summary>
    public void CallRecord(string name, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        Call(call, arguments);
        Record(name, rax);
    }

    /// <summary>The whole kernel image.</summary>
    public byte[] ToImage(ulong p2mAddress = 0)
    {
        Asm.ret();
        var stream = new MemoryStream();
        Asm.Assemble(new StreamCodeWriter(stream), GuestLayout.Body);
        var runtime = Runtime.Code;
        if (runtime.Length > (int)(GuestLayout.Body - GuestLayout.Runtime) || stream.Length > (long)(GuestLayout.Data - GuestLayout.Body))
            throw new InvalidOperationException($"The guest's code ({stream.Length} bytes) does not fit its region.");
        var content = new byte[(int)(GuestLayout.Pages - GuestLayout.Base)];
        runtime.CopyTo(content, 0);
        stream.ToArray().CopyTo(content, (int)(GuestLayout.Body - GuestLayout.Base));
        _data.CopyTo(content, (int)(GuestLayout.Data - GuestLayout.Base));
        return GuestImage.Write(content, _pagesEnd - GuestLayout.Base, p2mAddress);
    }

    private void EmitRow(string name)
    {
        Asm.mov(__qword_ptr[V.Name], unchecked((int)NameAddress(name)));
        Asm.call(Runtime.Record);
    }

    private ulong NameAddress(string name)
    {
        if (_names.TryGetValue(name, out var address))
            return address;
        var bytes = Encoding.ASCII.GetBytes(name + "\0");
        address = Reserve(bytes.Length, 1);
        bytes.CopyTo(DataAt(address));
        _names[name] = address;
        return address;
    }

    private ulong Reserve(int length, uint alignment)
    {
        var address = (_dataEnd + alignment - 1) & ~(ulong)(alignment - 1);
        _dataEnd = address + (ulong)length;
        if (_dataEnd > GuestLayout.Pages)
            throw new InvalidOperationException("The guest's data region is full.");
        return address;
    }

    private Span<byte> DataAt(ulong address) => _data.AsSpan((int)(address - GuestLayout.Data));
}
