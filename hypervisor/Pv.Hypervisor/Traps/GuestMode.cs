using Pv.Cpu;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary>A vCPU's change between its kernel and its user code: page tables and GS base go with it.</summary>
internal static class GuestMode
{
    public static void Toggle(Vcpu vcpu)
    {
        var traps = vcpu.Traps;
        ref var registers = ref vcpu.Registers;
        if (traps.InKernel && traps.UserTable is null)
            throw new GuestCrashException("the guest went to user mode without page tables for it");
        traps.SwapGs(ref registers);
        traps.InKernel = !traps.InKernel;
        registers.Cr3 = (traps.InKernel ? traps.KernelTable : traps.UserTable!.Value).Address;
    }

    /// <summary>Whether a selector can be loaded into CS for 64-bit code in ring 3.</summary>
    public static bool IsCodeSelector(Vcpu vcpu, ushort selector)
    {
        const ulong present = 1ul << 47, dpl3 = 3ul << 45, codeSegment = 3ul << 43;
        return selector > 3 && DescriptorTables.TryRead(vcpu, selector, out var descriptor)
            && (descriptor & (present | dpl3 | codeSegment)) == (present | dpl3 | codeSegment);
    }

    /// <summary>Whether a selector can be loaded into SS in ring 3: a writable data segment.</summary>
    public static bool IsStackSelector(Vcpu vcpu, ushort selector)
    {
        const ulong present = 1ul << 47, dpl3 = 3ul << 45, segment = 1ul << 44, code = 1ul << 43, writable = 1ul << 41;
        return selector > 3 && DescriptorTables.TryRead(vcpu, selector, out var descriptor)
            && (descriptor & (present | dpl3 | segment | code | writable)) == (present | dpl3 | segment | writable);
    }
}
