using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>What a call's neighbours must wait for.</summary>
internal enum CallNeed
{
    /// <summary>It says no more than that it succeeded: the next call need not wait for that.</summary>
    None,

    /// <summary>The guest wants its answer, or gives up its processor by it: it may end a batch.</summary>
    Answer,

    /// <summary>It sets the registers: it is a call of its own.</summary>
    Alone,
}

/// <summary>Which call is which.</summary>
internal static class CallNeeds
{
    public static CallNeed Of(HypercallRegisters call) => (HypercallNumber)call.Number switch
    {
        HypercallNumber.Iret or HypercallNumber.Multicall => CallNeed.Alone,
        HypercallNumber.SetTrapTable or HypercallNumber.MmuUpdate or HypercallNumber.SetGdt or HypercallNumber.StackSwitch or HypercallNumber.SetCallbacks
            or HypercallNumber.FpuTaskswitch or HypercallNumber.SetDebugRegister or HypercallNumber.UpdateDescriptor or HypercallNumber.UpdateVaMapping
            or HypercallNumber.SetTimerOp or HypercallNumber.VmAssist or HypercallNumber.UpdateVaMappingOtherDomain or HypercallNumber.SetSegmentBase
            or HypercallNumber.MmuExtOp or HypercallNumber.CallbackOp or HypercallNumber.NmiOp => CallNeed.None,
        HypercallNumber.ConsoleIo => (ConsoleIoOperation)call.First == ConsoleIoOperation.Write ? CallNeed.None : CallNeed.Answer,
        HypercallNumber.EventChannelOp => (EventChannelOperation)call.First is EventChannelOperation.Send or EventChannelOperation.Close or EventChannelOperation.Unmask
            or EventChannelOperation.BindVcpu or EventChannelOperation.SetPriority or EventChannelOperation.ExpandArray ? CallNeed.None : CallNeed.Answer,
        HypercallNumber.GrantTableOp => (GrantTableOperation)call.First is GrantTableOperation.MapGrantRef or GrantTableOperation.UnmapGrantRef or GrantTableOperation.UnmapAndReplace
            or GrantTableOperation.Copy or GrantTableOperation.CacheFlush ? CallNeed.None : CallNeed.Answer,
        HypercallNumber.VcpuOp => (VcpuOperation)call.First is VcpuOperation.GetRunstateInfo or VcpuOperation.GetPhysicalId ? CallNeed.Answer : CallNeed.None,
        HypercallNumber.PhysdevOp => (PhysdevOperation)call.First is PhysdevOperation.Eoi or PhysdevOperation.SetIopl ? CallNeed.None : CallNeed.Answer,
        HypercallNumber.MemoryOp => (MemoryOperation)(call.First & 0x3f) is MemoryOperation.AddToPhysmap or MemoryOperation.RemoveFromPhysmap ? CallNeed.None : CallNeed.Answer,
        _ => CallNeed.Answer,
    };
}
