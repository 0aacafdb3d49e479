using Pv.Abi;

namespace Pv.Toolstack.Disks;

/// <summary>A disk as the store has it.</summary>
/// <param name="Number">See <see cref="Config.Devices.VirtualDiskNumber"/>.</param>
/// <param name="BackEnd">Whose back end serves it.</param>
/// <param name="FrontEnd">Whose disk it is.</param>
/// <param name="State">The front end's.</param>
/// <param name="Port">The front end's event channel, or -1.</param>
/// <param name="RingRef">The grant of its ring, or -1.</param>
/// <param name="BackEndPath">The back end's folder.</param>
public sealed record DiskView(int Number, DomId BackEnd, DomId FrontEnd, XenbusState State, int Port, int RingRef, string BackEndPath);
