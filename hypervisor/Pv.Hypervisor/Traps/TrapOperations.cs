using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary><c>set_trap_table</c>, <c>stack_switch</c>, <c>fpu_taskswitch</c>, <c>vm_assist</c> and the debug registers.</summary>
internal static class TrapOperations
{
    /// <summary>The assists of a 64-bit guest that exist here (those that only 32-bit guests need are accepted and do nothing).</summary>
    public const ulong SupportedAssists = 1ul << (int)VmAssistType.FourGigabyteSegments | 1ul << (int)VmAssistType.FourGigabyteSegmentsNotify
        | 1ul << (int)VmAssistType.WritablePageTables | 1ul << (int)VmAssistType.PaeExtendedCr3 | 1ul << (int)VmAssistType.ArchitecturalIopl
        | 1ul << (int)VmAssistType.RunstateUpdateFlag | 1ul << (int)VmAssistType.StrictM2p;

    private const int HighestDebugRegister = 7;
    private const int StatusRegister = 6, ControlRegister = 7;
    private const ulong ControlEnables = 0xff;
    private const ulong StatusFixedOnes = 0xffff_0ff0, ControlFixedOnes = 0x400, ControlGeneralDetect = 1 << 13, ControlHighMask = 0xffff_ffff_0000_0000;
    private const ulong ControlFixedZeros = 0xd000 | ControlHighMask;

    public static HypercallResult SetTrapTable(ref HypercallContext call)
    {
        var table = call.Vcpu.Traps.Table;
        var address = call.Arguments.First;
        if (address == 0)
        {
            Array.Clear(table);
            return HypercallResult.Success;
        }
        // The array ends by an empty entry, and cannot have more than one for each vector.
        for (var i = 0; ; i++)
        {
            call.Core.Meter?.Count(1);
            if (!call.TryRead(address, out TrapInfo trap))
                return Errno.EFAULT;
            if (trap.Address == 0)
                return HypercallResult.Success;
            if (!PageWalker.IsCanonical(trap.Address))
                return Errno.EINVAL;
            trap.Cs |= 3;
            table[trap.Vector] = trap;
            address += TrapInfo.WireSize;
            if (i > 0 && i % 64 == 0 && call.PreemptionWanted)
            {
                call.Arguments = call.Arguments with { First = address };
                return HypercallResult.Again;
            }
        }
    }

    public static HypercallResult StackSwitch(ref HypercallContext call)
    {
        call.Vcpu.Traps.KernelSs = call.Arguments.First | 3;
        call.Vcpu.Traps.KernelSp = call.Arguments.Second;
        return HypercallResult.Success;
    }

    public static HypercallResult FpuTaskswitch(ref HypercallContext call)
    {
        call.Vcpu.Registers.TaskSwitched = call.Arguments.First != 0;
        return HypercallResult.Success;
    }

    public static HypercallResult VmAssist(ref HypercallContext call)
    {
        var (command, type) = ((VmAssistCommand)(uint)call.Arguments.First, (uint)call.Arguments.Second);
        if (type >= 64 || (SupportedAssists >> (int)type & 1) == 0)
            return Errno.EINVAL;
        switch (command)
        {
            case VmAssistCommand.Enable:
                call.Caller.VmAssist |= 1ul << (int)type;
                return HypercallResult.Success;
            case VmAssistCommand.Disable:
                call.Caller.VmAssist &= ~(1ul << (int)type);
                return HypercallResult.Success;
            default:
                return Errno.ENOSYS;
        }
    }

    public static HypercallResult SetDebugRegister(ref HypercallContext call)
        => TrySetDebugRegister(call.Vcpu, (int)Math.Min((uint)call.Arguments.First, 255), call.Arguments.Second);

    public static HypercallResult GetDebugRegister(ref HypercallContext call)
    {
        var which = (int)Math.Min((uint)call.Arguments.First, 255);
        if (which is 4 or 5)
            which += 2;
        return which <= HighestDebugRegister ? (long)ReadDebugRegister(call.Vcpu.Traps, which) : Errno.ENODEV;
    }

    /// <summary>A debug register as the guest sees it; 6 and 7 have bits that are always set.</summary>
    public static ulong ReadDebugRegister(TrapState traps, int which) => traps.DebugRegisters[which] | (which switch
    {
        StatusRegister => StatusFixedOnes,
        ControlRegister => ControlFixedOnes,
        _ => 0ul,
    });

    public static Errno TrySetDebugRegister(Vcpu vcpu, int which, ulong value)
    {
        if (which is 4 or 5)
            which += 2;
        switch (which)
        {
            case < 4:
                if (!PageWalker.IsCanonical(value) || PageWalker.IsReserved(value))
                    return Errno.EPERM;
                break;
            case StatusRegister:
                if ((value & ControlHighMask) != 0)
                    return Errno.EINVAL;
                value = value & 0xe00f | StatusFixedOnes;
                break;
            case ControlRegister:
                if ((value & ControlHighMask) != 0)
                    return Errno.EINVAL;
                value = value & ~ControlFixedZeros | ControlFixedOnes;
                if ((value & ControlGeneralDetect) != 0)
                    return Errno.EPERM;
                break;
            default:
                return Errno.ENODEV;
        }
        vcpu.Traps.DebugRegisters[which] = value;
        if (which == ControlRegister && (value & ControlEnables) != 0)
            WarnOfBreakpoints(vcpu, value);
        return Errno.None;
    }

    /// <summary>The guest's registers hold what it wrote, but no engine stops at its addresses. Said once, so that nobody waits for it.</summary>
    private static void WarnOfBreakpoints(Vcpu vcpu, ulong control)
    {
        if (vcpu.Domain.WasWarnedOfBreakpoints)
            return;
        vcpu.Domain.WasWarnedOfBreakpoints = true;
        vcpu.Domain.Core.Log.Write($"{vcpu}: hardware breakpoints were armed (DR7 0x{control:x}), and will not be hit: there are none here; single steps work");
    }
}
