using Pv.Abi;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>Which addresses a guest may have itself entered at, or use as a base.</summary>
internal static class Addresses
{
    public static bool AllCanonical(in VcpuGuestContext context)
    {
        if (!PageWalker.IsCanonical(context.Registers.Rip) || !PageWalker.IsCanonical(context.Registers.Rsp) || !PageWalker.IsCanonical(context.EventCallback)
            || !PageWalker.IsCanonical(context.FailsafeCallback) || !PageWalker.IsCanonical(context.SyscallCallback)
            || !PageWalker.IsCanonical(context.FsBase) || !PageWalker.IsCanonical(context.GsBaseKernel) || !PageWalker.IsCanonical(context.GsBaseUser))
            return false;
        for (var vector = 0; vector < 256; vector++)
        {
            if (!PageWalker.IsCanonical(context.Traps[vector].Address))
                return false;
        }
        return true;
    }
}
