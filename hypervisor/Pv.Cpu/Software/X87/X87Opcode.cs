using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>The opcode that the unit remembers of an instruction: read from the guest's code again, since it is seldom asked for.</summary>
// SAFETY: reads single bytes of frames that page walks gave.
internal static unsafe class X87Opcode
{
    private const int Longest = 15;

    /// <summary>The low 3 bits of the first opcode byte above its second byte; zero when the code is gone.</summary>
    public static ushort Of(CpuState* s, Op* op)
    {
        var rip = Core.RipOf(op);
        for (var i = 0; i < Longest - 1; i++)
        {
            if (!TryRead(s, rip + (ulong)i, out var first))
                return 0;
            if ((first & 0xf8) == 0xd8)
                return TryRead(s, rip + (ulong)i + 1, out var second) ? (ushort)(((first & 7) << 8) | second) : (ushort)0;
        }
        return 0;
    }

    private static bool TryRead(CpuState* s, ulong address, out byte value)
    {
        value = 0;
        var memory = SoftwareVcpu.Of(s).Memory;
        if (!PageWalk.TryWalk(memory, s->Guest->Cr3, address, PageAccess.Fetch, out var translation, out _))
            return false;
        value = memory.Base[translation.Frame.Address + (address & PageSize.OffsetMask)];
        return true;
    }
}
