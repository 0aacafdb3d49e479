using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <summary>
/// The hypercalls that are the toolstack's alone, as methods: <c>domctl</c>, <c>sysctl</c> and <c>memory_op</c> on other domains.
/// Any thread; the hypervisor serves one control call at a time.
/// </summary>
/// <remarks>Methods that return nothing throw <see cref="HypercallException"/> when refused; those that are asked with doubt return an <see cref="Errno"/>.</remarks>
public sealed partial class HypervisorControl(IHypercallDoor door)
{
    private Errno Domctl<T>(DomctlOperation operation, DomId domain, ref T argument) where T : unmanaged
        => Domctl(operation, ref domain, ref argument);

    private Errno Domctl<T>(DomctlOperation operation, ref DomId domain, ref T argument) where T : unmanaged
    {
        var control = new Domctl { Operation = operation, InterfaceVersion = Pv.Abi.Domctl.CurrentInterfaceVersion, Domain = domain };
        MemoryMarshal.Write(control.Argument, in argument);
        var result = HostAddress.Call(door, (ulong)HypercallNumber.Domctl, ref control);
        if (result < 0)
            return (Errno)(-result);
        domain = control.Domain;
        argument = MemoryMarshal.Read<T>(control.Argument);
        return Errno.None;
    }

    private Errno Domctl(DomctlOperation operation, DomId domain)
    {
        byte none = 0;
        return Domctl(operation, domain, ref none);
    }

    private Errno Sysctl<T>(SysctlOperation operation, ref T argument) where T : unmanaged
    {
        var control = new Sysctl { Operation = operation, InterfaceVersion = Pv.Abi.Sysctl.CurrentInterfaceVersion };
        MemoryMarshal.Write(control.Argument, in argument);
        var result = HostAddress.Call(door, (ulong)HypercallNumber.Sysctl, ref control);
        if (result < 0)
            return (Errno)(-result);
        argument = MemoryMarshal.Read<T>(control.Argument);
        return Errno.None;
    }

    private long MemoryOp<T>(MemoryOperation operation, ref T argument) where T : unmanaged
        => HostAddress.Call(door, (ulong)HypercallNumber.MemoryOp, (ulong)operation, ref argument);

    private static Errno ErrnoOf(long result) => result < 0 ? (Errno)(-result) : Errno.None;
}
