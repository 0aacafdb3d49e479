using System.Buffers.Binary;
using Pv.Cpu;

namespace Pv.Tests.Instructions;

/// <summary>Eight bytes of a writable page of <see cref="Arena"/> that a row wants to hold another value. The address is a multiple of 8.</summary>
internal readonly record struct Patch(ulong Address, ulong Value);

/// <summary>A word of memory that a row changed, and what it holds afterwards.</summary>
internal readonly record struct Difference(ulong Address, ulong Value);

/// <summary>A form with one set of inputs.</summary>
internal sealed class Row(Form form)
{
    public Form Form { get; } = form;

    public GeneralRegisters General;

    public ulong Rflags { get; set; } = 0x202;

    public ulong FsBase { get; set; }

    public ulong GsBase { get; set; }

    /// <summary>An FXSAVE image to start with; null: the units are as after a reset, and what becomes of them is not asked.</summary>
    public byte[]? Vectors { get; set; }

    /// <summary>CR0.TS. Only an engine can be asked: no system lets a program see it.</summary>
    public bool TaskSwitched { get; set; }

    /// <summary>What memory holds beyond <see cref="Arena.Image"/>, an entry a word.</summary>
    public Dictionary<ulong, ulong> Patches { get; } = [];

    /// <summary>What a writable address holds before the row runs; zero elsewhere.</summary>
    public ulong ReadMemory(ulong address, int bytes)
    {
        ulong value = 0;
        for (var i = bytes - 1; i >= 0; i--)
            value = value << 8 | ReadByte(address + (ulong)i);
        return value;
    }

    /// <summary>Sets up to 8 bytes before the row runs; bytes that are not in writable memory are left alone.</summary>
    public void WriteMemory(ulong address, ulong value, int bytes)
    {
        for (var i = 0; i < bytes; i++, value >>= 8)
        {
            var at = address + (ulong)i;
            if (Arena.OffsetOf(at) < 0)
                continue;
            var word = at & ~7ul;
            var shift = (int)(at & 7) * 8;
            Patches[word] = WordBefore(word) & ~(0xfful << shift) | (value & 0xff) << shift;
        }
    }

    private byte ReadByte(ulong address)
        => Arena.OffsetOf(address) < 0 ? (byte)0 : (byte)(WordBefore(address & ~7ul) >> (int)(address & 7) * 8);

    private ulong WordBefore(ulong word)
        => Patches.TryGetValue(word, out var value)
            ? value
            : BinaryPrimitives.ReadUInt64LittleEndian(Arena.Image.AsSpan(Arena.OffsetOf(word)));
}

/// <summary>How a row ended.</summary>
internal sealed class Outcome
{
    public CpuExit Exit { get; init; }

    public GeneralRegisters General;

    public ulong Rip { get; init; }

    public ulong Rflags { get; init; }

    public ulong FsBase { get; init; }

    public ulong GsBase { get; init; }

    public ushort Es { get; init; }

    public ushort Cs { get; init; }

    public ushort Ss { get; init; }

    public ushort Ds { get; init; }

    public ushort Fs { get; init; }

    public ushort Gs { get; init; }

    /// <summary>The words of memory that changed, by <see cref="Arena.Writable"/> and address.</summary>
    public Difference[] Memory { get; init; } = [];

    /// <summary>The FXSAVE image afterwards, if the row had one.</summary>
    public byte[]? Vectors { get; init; }
}
