using System.Runtime.InteropServices;
using Pv.Toolstack.Hypervisor;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Domains;

/// <summary>The host, asked of the hypervisor each time.</summary>
public sealed class XenHost(HypervisorControl control) : IHostFacts
{
    public HostDescription Describe()
    {
        var version = control.Version();
        var physical = control.PhysicalInfo();
        var compiled = control.CompileInfo();
        return new HostDescription
        {
            Host = Environment.MachineName,
            Release = System("osrelease") ?? Environment.OSVersion.Version.ToString(),
            Version = System("version") ?? RuntimeInformation.OSDescription,
            Machine = RuntimeInformation.OSArchitecture switch
            {
                Architecture.X64 => "x86_64",
                Architecture.Arm64 => "aarch64",
                var other => other.ToString().ToLowerInvariant(),
            },
            Physical = physical,
            FreeCpus = (uint)control.FreeCpus((int)physical.CpuCount).Count,
            XenMajor = version >> 16,
            XenMinor = version & 0xffff,
            XenExtra = control.ExtraVersion(),
            XenCapabilities = control.Capabilities(),
            Scheduler = SchedulerNames.Of(control.Scheduler()),
            VirtualStart = control.VirtualStart(),
            Changeset = control.Changeset(),
            CommandLine = control.CommandLine(),
            Compiler = HypervisorControl.Text(compiled.Compiler),
            CompiledBy = HypervisorControl.Text(compiled.CompileBy),
            CompileDomain = HypervisorControl.Text(compiled.CompileDomain),
            CompileDate = HypervisorControl.Text(compiled.CompileDate),
            BuildId = control.BuildId(),
        };
    }

    public string ReadLog(bool clear) => control.ReadLog(clear);

    public void PressDebugKeys(string keys) => control.PressDebugKeys(keys);

    /// <summary>A word of uname(2), as Linux shows it in a file; null elsewhere.</summary>
    private static string? System(string word)
    {
        var file = $"/proc/sys/kernel/{word}";
        return File.Exists(file) ? File.ReadAllText(file).TrimEnd('\n') : null;
    }
}
