using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>The model-specific registers that a PV kernel may read and write (Intel SDM, volume 4).</summary>
internal static class GuestMsrs
{
    private const uint Tsc = 0x10, ApicBase = 0x1b, FeatureControl = 0x3a, MicrocodeRevision = 0x8b, PlatformInformation = 0xce, MiscFeatures = 0x140, MiscEnable = 0x1a0, PageAttributes = 0x277;
    private const uint Efer = 0xc000_0080, FsBase = 0xc000_0100, GsBase = 0xc000_0101, KernelGsBase = 0xc000_0102, TscAux = 0xc000_0103;

    // Where Xen has the register that makes a hypercall page.
    private const uint HypercallPage = 0x4000_0000;

    // Long mode with SYSCALL and no-execute, active.
    private const ulong EferValue = 0xd01;

    // What Xen keeps there: WB, WT, UC-, UC, WC, WP.
    private const ulong PageAttributesValue = 0x0000_0501_0007_0406;

    // The local APIC at its usual place, enabled; the first vCPU is the boot processor.
    private const ulong ApicBaseValue = 0xfee0_0800, ApicBootProcessor = 1 << 8;

    // Fast strings, and what Xen sets in it for its guests: no branch trace, no precise sampling, no task priority messages.
    private const ulong MiscEnableValue = 1 << 0 | 1 << 11 | 1 << 12 | 1 << 23;

    private const ulong FeatureControlLocked = 1 << 0;

    /// <summary>Reads the register that ecx names into edx:eax. False for one that does not exist: the guest gets its fault.</summary>
    public static bool TryRead(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        ulong value;
        switch ((uint)registers.Rcx)
        {
            case Tsc:
                value = vcpu.Domain.Core.Clock.Now;
                break;
            case ApicBase:
                value = ApicBaseValue | (vcpu.Id.Value == 0 ? ApicBootProcessor : 0);
                break;
            case FeatureControl:
                // Locked, and nothing is on.
                value = FeatureControlLocked;
                break;
            case MicrocodeRevision:
                // The engine has none.
                value = 0;
                break;
            case PlatformInformation:
            case MiscFeatures:
                // CPUID does not fault at a kernel's wish.
                value = 0;
                break;
            case MiscEnable:
                value = MiscEnableValue;
                break;
            case PageAttributes:
                value = PageAttributesValue;
                break;
            case Efer:
                value = EferValue;
                break;
            case FsBase:
                value = registers.FsBase;
                break;
            case GsBase:
                value = vcpu.Traps.KernelGsBase(registers);
                break;
            case KernelGsBase:
                value = vcpu.Traps.UserGsBase(registers);
                break;
            case TscAux:
                value = vcpu.Traps.TscAux;
                break;
            case HypercallPage:
                value = 0;
                break;
            default:
                // Before the guest can handle the fault, it is spared: early kernels probe without care.
                if (vcpu.Traps.Table[ExceptionVector.GeneralProtection].Address != 0)
                    return false;
                value = 0;
                break;
        }
        registers.Rax = (uint)value;
        registers.Rdx = value >> 32;
        return true;
    }

    public static bool TryWrite(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        var value = (uint)registers.Rax | registers.Rdx << 32;
        switch ((uint)registers.Rcx)
        {
            case FsBase:
                if (!PageWalker.IsCanonical(value))
                    return false;
                registers.FsBase = value;
                return true;
            case GsBase:
                if (!PageWalker.IsCanonical(value))
                    return false;
                vcpu.Traps.SetKernelGsBase(ref registers, value);
                return true;
            case KernelGsBase:
                if (!PageWalker.IsCanonical(value))
                    return false;
                vcpu.Traps.SetUserGsBase(ref registers, value);
                return true;
            case Efer:
                return value == EferValue;
            case PageAttributes:
                return value == PageAttributesValue;
            case TscAux:
                if (value > uint.MaxValue)
                    return false;
                vcpu.Traps.TscAux = (uint)value;
                return true;
            case MiscFeatures:
            case MicrocodeRevision:
                // Intel's manual has software write zero to the revision before it reads.
                return value == 0;
            case MiscEnable:
                // Nothing is behind it: writes are dropped, as Xen drops them.
                return true;
            default:
                return false;
        }
    }
}
