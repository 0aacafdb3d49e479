using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary><c>sysctl</c>: what the toolstack asks of the whole machine. Dom0's alone; one at a time.</summary>
internal static class SysctlOperations
{
    // What is told of a domain takes a look at each of its vCPUs.
    private const int DomainsAtOnce = StretchBudget.Entries / DomainCreation.MaxVcpus;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.First, out Sysctl control))
            return Errno.EFAULT;
        if (control.InterfaceVersion != Sysctl.CurrentInterfaceVersion)
            return Errno.EACCES;
        if (!call.Caller.IsPrivileged)
            return Errno.EPERM;
        var result = control.Operation == SysctlOperation.GetDomainInfoList ? GetList(ref call, ref As<SysctlGetDomainInfoList>(ref control)) : Locked(ref call, ref control);
        return !result.Failed && !call.TryWrite(call.Arguments.First, control) ? Errno.EFAULT : result;
    }

    private static HypercallResult Locked(ref HypercallContext call, ref Sysctl control)
    {
        using (call.Core.ControlLock.Hold())
            return Dispatch(ref call, ref control);
    }

    private static HypercallResult Dispatch(ref HypercallContext call, ref Sysctl control) => control.Operation switch
    {
        SysctlOperation.ReadConsole => ReadConsole(ref call, ref As<SysctlReadConsole>(ref control)),
        SysctlOperation.PhysicalInfo => PhysicalInfo(call.Core, ref As<SysctlPhysicalInfo>(ref control)),
        SysctlOperation.SchedulerId => SchedulerId(call.Core, ref As<SysctlSchedulerId>(ref control)),
        SysctlOperation.DebugKeys => PressKeys(ref call, As<SysctlDebugKeys>(ref control)),
        SysctlOperation.GetCpuInfo => GetCpus(ref call, ref As<SysctlGetCpuInfo>(ref control)),
        SysctlOperation.CpuPoolOp => CpuPoolOperations.Handle(ref call, ref As<SysctlCpuPoolOp>(ref control)),
        SysctlOperation.SchedulerOp => call.Core.Scheduler.Adjust(ref As<SysctlSchedulerOp>(ref control)),
        SysctlOperation.AvailableHeap => SysctlTopology.AvailableHeap(call.Core, ref As<SysctlAvailableHeap>(ref control)),
        SysctlOperation.CpuTopologyInfo => SysctlTopology.Cpus(ref call, ref As<SysctlCpuTopologyInfo>(ref control)),
        SysctlOperation.NumaInfo => SysctlTopology.Nodes(ref call, ref As<SysctlNumaInfo>(ref control)),
        SysctlOperation.PciTopologyInfo => SysctlTopology.Devices(ref call, ref As<SysctlPciTopologyInfo>(ref control)),
        SysctlOperation.CpuHotplug => SysctlTopology.Plug(call.Core, As<SysctlCpuHotplug>(ref control)),
        SysctlOperation.PageOfflineOp => SysctlTopology.TakeOffline(call.Core, control.Argument),
        SysctlOperation.PowerManagementOp => AbsentControls.Power(control.Argument, (uint)call.Core.Scheduler.PCpuCount),
        SysctlOperation.GetCpuLevellingCaps => CpuPolicies.LevellingCaps(ref As<SysctlCpuLevellingCaps>(ref control)),
        SysctlOperation.GetCpuFeatureSet => CpuPolicies.GetFeatures(ref call, ref As<SysctlCpuFeatureSet>(ref control)),
        SysctlOperation.GetCpuPolicy => CpuPolicies.Get(ref call, ref As<SysctlCpuPolicy>(ref control)),
        _ => AbsentControls.Sysctl(control.Operation, control.Argument),
    };

    private static ref T As<T>(ref Sysctl control) where T : unmanaged
        => ref MemoryMarshal.AsRef<T>((Span<byte>)control.Argument);

    private static HypercallResult ReadConsole(ref HypercallContext call, ref SysctlReadConsole read)
    {
        var text = Encoding.UTF8.GetBytes(call.Core.Log.Read(read.Clear != 0));
        var from = read.Incremental != 0 ? (int)Math.Min(read.Index, (uint)text.Length) : 0;
        var part = text.AsSpan(from, (int)Math.Min(read.Count, (uint)(text.Length - from)));
        read.Count = (uint)part.Length;
        read.Index = (uint)(from + part.Length);
        return call.TryWrite(read.Buffer, part) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static HypercallResult PhysicalInfo(HypervisorCore core, ref SysctlPhysicalInfo info)
    {
        var pcpus = (uint)core.Scheduler.PCpuCount;
        info = new SysctlPhysicalInfo
        {
            ThreadsPerCore = 1,
            CoresPerSocket = pcpus,
            CpuCount = pcpus,
            MaxCpuId = pcpus - 1,
            NodeCount = 1,
            MaxNodeId = SysctlTopology.MostNodes - 1,
            CpuKhz = Time.PvClock.TscKilohertz,
            Capabilities = PhysicalCapabilities.Pv | PhysicalCapabilities.GrantTableV1 | PhysicalCapabilities.GrantTableV2,
            TotalPages = core.Memory.FrameCount,
            FreePages = core.FreeFrames,
            OutstandingPages = core.Frames.Claimed,
            MaxMfn = new Mfn(core.Memory.FrameCount - 1),
        };
        CpuPolicies.FillFeatures(core, info.HardwareCapabilities);
        return HypercallResult.Success;
    }

    private static HypercallResult SchedulerId(HypervisorCore core, ref SysctlSchedulerId id)
    {
        id.Scheduler = core.Scheduler.DefaultPool.Scheduler;
        return HypercallResult.Success;
    }

    /// <summary>Tells of many domains, in stretches: others that want the lock go between them.</summary>
    private static HypercallResult GetList(ref HypercallContext call, ref SysctlGetDomainInfoList list)
    {
        var next = list.FirstDomain;
        for (list.NumDomains = 0; list.NumDomains < list.MaxDomains;)
        {
            var before = list.NumDomains;
            using (call.Core.ControlLock.Hold())
            {
                if (!TryTell(ref call, ref list, ref next))
                    return Errno.EFAULT;
            }
            if (list.NumDomains - before < DomainsAtOnce)
                break;
        }
        return HypercallResult.Success;
    }

    private static bool TryTell(ref HypercallContext call, ref SysctlGetDomainInfoList list, ref DomId next)
    {
        for (var i = 0; i < DomainsAtOnce && list.NumDomains < list.MaxDomains && call.Core.Domains.FindFrom(next) is { } domain; i++)
        {
            if (!call.TryWrite(list.Buffer + list.NumDomains * DomctlGetDomainInfo.WireSize, DomainInformation.Of(domain)))
                return false;
            call.Core.Meter?.Count(domain.Vcpus.Length);
            list.NumDomains++;
            next = new DomId((ushort)(domain.Id.Value + 1));
        }
        call.Core.Meter?.Look();
        return true;
    }

    private static HypercallResult GetCpus(ref HypercallContext call, ref SysctlGetCpuInfo cpus)
    {
        cpus.CpuCount = Math.Min(cpus.MaxCpus, (uint)call.Core.Scheduler.PCpuCount);
        for (uint i = 0; i < cpus.CpuCount; i++)
        {
            var idle = new SysctlCpuInfo { IdleTime = call.Core.Scheduler.IdleTime((int)i) };
            if (!call.TryWrite(cpus.Info + i * SysctlCpuInfo.WireSize, idle))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }

    private static HypercallResult PressKeys(ref HypercallContext call, in SysctlDebugKeys keys)
    {
        const int MostKeys = 256;
        Span<byte> pressed = stackalloc byte[(int)Math.Min(keys.KeyCount, MostKeys)];
        if (!call.TryRead(keys.Keys, pressed))
            return Errno.EFAULT;
        foreach (var key in pressed)
            Tracing.DebugKeys.Press(call.Core, (char)key);
        return HypercallResult.Success;
    }
}
