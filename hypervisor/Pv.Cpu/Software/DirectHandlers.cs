using System.Runtime.InteropServices;

namespace Pv.Cpu.Software;

/// <summary>
/// Takes a detour out of handlers' addresses. The address of a method is that of a small stub of the runtime, which is one indirect jump
/// (FF 25) to the method's code; half of all jumps that the engine makes were such.
/// </summary>
/// <remarks>
/// Handlers are compiled once, with full optimization and outside of tiering, so their code stays where it is for as long as the process
/// lives. A stub that does not look as expected, or whose method was not compiled yet (it jumps behind itself), stays.
/// </remarks>
// SAFETY: reads code that the runtime made and that is executed anyway; the address that is found is the one that the stub jumps to.
internal static unsafe class DirectHandlers
{
    private const ushort JumpIndirect = 0x25ff;
    private const int StubLength = 6;

    private static readonly bool s_isKnown = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Shortens the way to the handlers of a block that has run.</summary>
    public static void Shorten(Block* block)
    {
        if (block->Shortened || block->Dropped || !s_isKnown)
            return;
        block->Shortened = true;
        var ops = (Op*)(block + 1);
        for (var i = 0; i < block->Slots; i++)
        {
            var stub = (byte*)ops[i].Handler;
            if (*(ushort*)stub != JumpIndirect)
                continue;
            var target = *(byte**)(stub + StubLength + *(int*)(stub + 2));
            if (target != stub + StubLength)
                ops[i].Handler = (Handler)target;
        }
    }
}
