using Pv.Abi;
using Pv.Config;

namespace Pv.Toolstack.Processors;

/// <summary>A CPU pool at one moment.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Scheduler">What schedules its domains.</param>
/// <param name="Domains">How many domains are in it.</param>
/// <param name="Cpus">Its pCPUs.</param>
public sealed record CpuPoolView(uint Id, string Name, SchedulerId Scheduler, uint Domains, CpuMap Cpus);
