using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Grants;
using Pv.Hypervisor.Hypercalls;

#pragma warning disable
namespace Pv.Hypervisor.Paging
{
    internal static class GrantPaging
    {
        public static GrantStatus Insert(Vcpu vcpu, GrantMap map) => GrantStatus.GeneralError;
        public static GrantStatus Remove(Vcpu vcpu, GrantMap map) => GrantStatus.GeneralError;
    }
    internal static class MmuUpdateOperation { public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; }
    internal static class UpdateVaMappingOperation { public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; public static HypercallResult HandleOtherDomain(ref HypercallContext call) => Errno.ENOSYS; }
    internal static class MmuExtOperations { public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; }
}
namespace Pv.Hypervisor.Traps
{
    internal static class TrapOperations
    {
        public const ulong SupportedAssists = 0;
        public static HypercallResult SetTrapTable(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult StackSwitch(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult FpuTaskswitch(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult SetDebugRegister(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult GetDebugRegister(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult VmAssist(ref HypercallContext call) => Errno.ENOSYS;
    }
    internal static class DescriptorOperations
    {
        public static HypercallResult SetGdt(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult UpdateDescriptor(ref HypercallContext call) => Errno.ENOSYS;
        public static HypercallResult SetSegmentBase(ref HypercallContext call) => Errno.ENOSYS;
    }
    internal static class CallbackOperations { public static HypercallResult SetCallbacks(ref HypercallContext call) => Errno.ENOSYS; public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; }
    internal static class IretOperation { public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; }
    internal static class PhysdevOperations { public static HypercallResult Handle(ref HypercallContext call) => Errno.ENOSYS; }
    internal static class DescriptorTables { public static bool TryRead(Vcpu vcpu, ushort selector, out ulong descriptor) { descriptor = 0; return false; } }
    internal static class GuestCpuid { public static Pv.Cpu.CpuidLeaf Get(uint leaf, uint subleaf, Vcpu vcpu) => default; }
    internal static class EventUpcall { public static void Deliver(Vcpu vcpu) { } }
    internal static class UserSyscall { public static void Deliver(Vcpu vcpu) { } }
    internal static class ExceptionExit { public static void Handle(Vcpu vcpu, CpuExit exit) => throw new GuestCrashException("exceptions are not delivered yet"); }
}
