using System.Buffers.Binary;
using Pv.Cpu;

namespace Pv.Hypervisor.Traps;

/// <summary>The x87 and SSE state of a processor after reset and FNINIT, in an FXSAVE image.</summary>
internal static class FloatingPointReset
{
    private const ushort ControlWord = 0x037f;
    private const uint Mxcsr = 0x1f80, MxcsrMask = 0xffff;

    public static void Apply(ref GuestRegisters registers)
    {
        Span<byte> area = registers.Fx;
        area.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(area, ControlWord);
        BinaryPrimitives.WriteUInt32LittleEndian(area[24..], Mxcsr);
        BinaryPrimitives.WriteUInt32LittleEndian(area[28..], MxcsrMask);
    }
}
