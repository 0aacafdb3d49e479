using Pv.Abi;

namespace Pv.Hypervisor.Asynchronous;

/// <summary>Which calls a queue takes: those whose effect does not concern the calling vCPU's registers, traps or scheduling.</summary>
internal static class AsyncCalls
{
    private const ulong Allowed = 1ul << (int)HypercallNumber.MmuUpdate | 1ul << (int)HypercallNumber.MmuExtOp | 1ul << (int)HypercallNumber.UpdateVaMapping
        | 1ul << (int)HypercallNumber.MemoryOp | 1ul << (int)HypercallNumber.GrantTableOp | 1ul << (int)HypercallNumber.EventChannelOp
        | 1ul << (int)HypercallNumber.XenVersion | 1ul << (int)HypercallNumber.ConsoleIo;

    public static bool IsAllowed(ulong number) => number < 64 && (Allowed >> (int)number & 1) != 0;
}
