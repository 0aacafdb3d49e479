using Pv.Abi;
using Pv.Config;

namespace Pv.Toolstack.Domains;

/// <summary>A vCPU at one moment.</summary>
/// <param name="Id">Its number.</param>
/// <param name="IsOnline">Whether it is up.</param>
/// <param name="IsRunning">Whether it is on a pCPU.</param>
/// <param name="IsBlocked">Whether it waits for an event.</param>
/// <param name="CpuTime">Nanoseconds that it has run.</param>
/// <param name="Cpu">The pCPU that it is on, or was last.</param>
/// <param name="HardAffinity">Where it may run.</param>
/// <param name="SoftAffinity">Where it should run.</param>
public sealed record VcpuView(VcpuId Id, bool IsOnline, bool IsRunning, bool IsBlocked, ulong CpuTime, uint Cpu, CpuMap HardAffinity, CpuMap SoftAffinity);
