namespace Pv.Cpu.Software;

/// <summary>
/// The parts of an FXSAVE image as memory has them (Intel SDM, volume 1, 10.5 and 13.4), to and from the unit of a running vCPU.
/// </summary>
// SAFETY: the vCPU's image is pinned while it runs; the other is an image of at least LegacyBytes on the stack.
internal static unsafe class ProcessorState
{
    /// <summary>What FXSAVE writes and FXRSTOR reads: up to the last XMM register.</summary>
    public const int LegacyBytes = 416;

    public const int MxcsrOffset = 24, VectorOffset = 160, VectorBytes = 256;
    public const uint MxcsrMask = 0xffff, ResetMxcsr = 0x1f80;
    private const int OpcodeOffset = 6, InstructionOffset = 8, DataOffset = 16, RegisterOffset = 32, RegisterStride = 16;

    public static byte* Image(CpuState* s) => (byte*)&s->Guest->Fx;

    public static ref uint Mxcsr(CpuState* s) => ref *(uint*)(Image(s) + MxcsrOffset);

    /// <summary>Writes the x87 part. <paramref name="wide"/>: pointers of 64 bits (REX.W), else of 32 with selectors, which are 0.</summary>
    public static void SaveX87(CpuState* s, byte* to, bool wide)
    {
        var unit = new X87Unit(s);
        *(ushort*)to = unit.Control;
        *(ushort*)(to + 2) = unit.Status;
        *(ushort*)(to + 4) = unit.Tags;
        *(ushort*)(to + OpcodeOffset) = unit.LastOpcode;
        *(ulong*)(to + InstructionOffset) = wide ? unit.LastInstruction : (uint)unit.LastInstruction;
        *(ulong*)(to + DataOffset) = wide ? unit.LastData : (uint)unit.LastData;
        for (var i = 0; i < 8; i++)
        {
            var slot = (ulong*)(to + RegisterOffset + (i * RegisterStride));
            var value = unit[i];
            slot[0] = value.Significand;
            slot[1] = value.SignAndExponent;
        }
    }

    public static void RestoreX87(CpuState* s, byte* from, bool wide)
    {
        var unit = new X87Unit(s);
        unit.Status = *(ushort*)(from + 2);
        for (var i = 0; i < 8; i++)
            unit[i] = *(Float80*)(from + RegisterOffset + (i * RegisterStride));
        unit.Tags = from[4];
        unit.LastOpcode = (ushort)(*(ushort*)(from + OpcodeOffset) & 0x7ff);
        unit.LastInstruction = wide ? *(ulong*)(from + InstructionOffset) : *(uint*)(from + InstructionOffset);
        unit.LastData = wide ? *(ulong*)(from + DataOffset) : *(uint*)(from + DataOffset);
        unit.SetControl(*(ushort*)from);
    }

    public static void InitialiseX87(CpuState* s)
    {
        new X87Unit(s).Initialise();
        new Span<byte>(Image(s) + RegisterOffset, 8 * RegisterStride).Clear();
    }

    /// <summary>Whether the x87 part is as after <see cref="InitialiseX87"/>.</summary>
    public static bool IsX87Initial(CpuState* s)
    {
        var unit = new X87Unit(s);
        return unit.Control == X87Unit.ResetControl && unit.Status == 0 && unit.Tags == 0 && unit.LastOpcode == 0 && unit.LastInstruction == 0
            && unit.LastData == 0 && !new ReadOnlySpan<byte>(Image(s) + RegisterOffset, 8 * RegisterStride).ContainsAnyExcept((byte)0);
    }

    public static void SaveVectors(CpuState* s, byte* to)
        => new Span<byte>(Image(s) + VectorOffset, VectorBytes).CopyTo(new Span<byte>(to + VectorOffset, VectorBytes));

    public static void RestoreVectors(CpuState* s, byte* from)
        => new Span<byte>(from + VectorOffset, VectorBytes).CopyTo(new Span<byte>(Image(s) + VectorOffset, VectorBytes));

    public static void InitialiseVectors(CpuState* s) => new Span<byte>(Image(s) + VectorOffset, VectorBytes).Clear();

    public static bool AreVectorsInitial(CpuState* s)
        => !new ReadOnlySpan<byte>(Image(s) + VectorOffset, VectorBytes).ContainsAnyExcept((byte)0);

    public static void SaveMxcsr(CpuState* s, byte* to)
    {
        *(uint*)(to + MxcsrOffset) = Mxcsr(s);
        *(uint*)(to + MxcsrOffset + 4) = MxcsrMask;
    }

    public static bool IsMxcsrValid(byte* image) => (*(uint*)(image + MxcsrOffset) & ~MxcsrMask) == 0;
}
