using Pv.Cpu;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Traps;

/// <summary>The NMI of a virtual kind, which vCPUs of a domain send each other (<c>VCPUOP_send_nmi</c>).</summary>
internal static class NmiDelivery
{
    /// <summary>Enters the handler; no other follows before the guest's next <c>iret</c>. Without a handler the NMI is lost.</summary>
    public static void Deliver(Vcpu vcpu)
    {
        vcpu.TakeNmi();
        if (vcpu.Traps.Table[ExceptionVector.Nmi].Address == 0)
            return;
        vcpu.Traps.InNmiHandler = true;
        ExceptionExit.Inject(vcpu, ExceptionVector.Nmi, null);
    }
}
