using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <content>The whole machine (<c>public/sysctl.h</c>, <c>public/version.h</c>).</content>
public sealed partial class HypervisorControl
{
    /// <summary>Bytes of the log that are read at most: more than the hypervisor keeps.</summary>
    private const int LogBytes = 1 << 20;

    public SysctlPhysicalInfo PhysicalInfo()
    {
        var info = default(SysctlPhysicalInfo);
        Sysctl(SysctlOperation.PhysicalInfo, ref info).OrThrow("XEN_SYSCTL_physinfo");
        return info;
    }

    public SchedulerId Scheduler()
    {
        var id = default(SysctlSchedulerId);
        Sysctl(SysctlOperation.SchedulerId, ref id).OrThrow("XEN_SYSCTL_sched_id");
        return id.Scheduler;
    }

    /// <summary>The hypervisor's log, oldest line first; emptied if asked.</summary>
    public string ReadLog(bool clear)
    {
        var buffer = new byte[LogBytes];
        using var pin = HostPin.Of(buffer);
        var read = new SysctlReadConsole { Clear = clear ? (byte)1 : (byte)0, Buffer = pin.Address, Count = LogBytes };
        Sysctl(SysctlOperation.ReadConsole, ref read).OrThrow("XEN_SYSCTL_readconsole");
        return Encoding.UTF8.GetString(buffer, 0, (int)read.Count);
    }

    /// <summary>Presses debug keys; what they show goes to the hypervisor's log.</summary>
    public void PressDebugKeys(string keys)
    {
        var text = Encoding.Latin1.GetBytes(keys);
        using var pin = HostPin.Of(text);
        var argument = new SysctlDebugKeys { Keys = pin.Address, KeyCount = (uint)text.Length };
        Sysctl(SysctlOperation.DebugKeys, ref argument).OrThrow("XEN_SYSCTL_debug_keys");
    }

    /// <summary>Nanoseconds that each pCPU was idle.</summary>
    public ulong[] IdleTimes(int cpus)
    {
        var info = new SysctlCpuInfo[cpus];
        using var pin = HostPin.Of(info);
        var argument = new SysctlGetCpuInfo { MaxCpus = (uint)cpus, Info = pin.Address };
        Sysctl(SysctlOperation.GetCpuInfo, ref argument).OrThrow("XEN_SYSCTL_getcpuinfo");
        return [.. info.Take((int)argument.CpuCount).Select(cpu => cpu.IdleTime)];
    }

    /// <summary>Adds a line to the hypervisor's log, as Dom0 may.</summary>
    public void WriteLog(string line)
    {
        var text = Encoding.UTF8.GetBytes(line);
        using var pin = HostPin.Of(text);
        ErrnoOf(door.Call(new HypercallRegisters((ulong)HypercallNumber.ConsoleIo, (ulong)ConsoleIoOperation.Write, (ulong)text.Length, pin.Address))).OrThrow("CONSOLEIO_write");
    }

    /// <summary>Major in the high half, minor in the low.</summary>
    public uint Version() => (uint)door.Call(new HypercallRegisters((ulong)HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version));

    public XenCompileInfo CompileInfo() => Ask<XenCompileInfo>(XenVersionOperation.CompileInfo);

    public ulong VirtualStart() => Ask<XenPlatformParameters>(XenVersionOperation.PlatformParameters).VirtualStart;

    public string ExtraVersion()
    {
        var text = Ask<Array16<byte>>(XenVersionOperation.ExtraVersion);
        return Text(text);
    }

    public string Capabilities()
    {
        var text = Ask<Array1024<byte>>(XenVersionOperation.Capabilities);
        return Text(text);
    }

    public string Changeset()
    {
        var text = Ask<Array64<byte>>(XenVersionOperation.Changeset);
        return Text(text);
    }

    public string CommandLine()
    {
        var text = Ask<Array1024<byte>>(XenVersionOperation.CommandLine);
        return Text(text);
    }

    /// <summary>The build's identity in hexadecimal, or an empty string where there is none.</summary>
    public string BuildId()
    {
        const int Longest = 60;
        var buffer = new byte[XenBuildId.WireSize + Longest];
        MemoryMarshal.Write(buffer, (uint)Longest);
        using var pin = HostPin.Of(buffer);
        var length = door.Call(new HypercallRegisters((ulong)HypercallNumber.XenVersion, (ulong)XenVersionOperation.BuildId, pin.Address));
        return length is > 0 and <= Longest ? Convert.ToHexStringLower(buffer, XenBuildId.WireSize, (int)length) : "";
    }

    /// <summary>Text of the compile information and its like: up to the first zero.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Zeroes where the hypervisor has no answer.</summary>
    private T Ask<T>(XenVersionOperation operation) where T : unmanaged
    {
        var answer = default(T);
        HostAddress.Call(door, (ulong)HypercallNumber.XenVersion, (ulong)operation, ref answer);
        return answer;
    }
}
