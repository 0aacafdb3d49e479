using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>The door of a C# guest: it opens only to the vCPU's own turns.</summary>
internal sealed class TurnDoor(IHypercallDoor door, TurnQueue turns) : IHypercallDoor
{
    public long Call(HypercallRegisters registers)
    {
        turns.Demand("a hypercall");
        return door.Call(registers);
    }
}
