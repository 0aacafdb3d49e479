using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

/// <summary>A door that makes no call but notes each, those of a multicall one by one. Addresses are the host's.</summary>
internal sealed class RecordingDoor : IHypercallDoor
{
    /// <summary>What a call answers.</summary>
    public Func<HypercallRegisters, long> Answer { get; set; } = static _ => 0;

    /// <summary>How often it was entered.</summary>
    public int Entered { get; private set; }

    /// <summary>How many of those were multicalls.</summary>
    public int Multicalls { get; private set; }

    /// <summary>Every call that was made, in order.</summary>
    public List<HypercallRegisters> Calls { get; } = [];

    public long Call(HypercallRegisters registers)
    {
        Entered++;
        if (registers.Number != (ulong)HypercallNumber.Multicall)
            return Make(registers);
        Multicalls++;
        for (var i = 0ul; i < registers.Second; i++)
        {
            var entry = Read<MulticallEntry>(registers.First + i * MulticallEntry.WireSize, 1)[0];
            var result = Make(new HypercallRegisters(entry.Operation, entry.Arguments[0], entry.Arguments[1], entry.Arguments[2], entry.Arguments[3]));
            HostAddress.Write(registers.First + i * MulticallEntry.WireSize + sizeof(ulong), MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in result)));
        }
        return 0;
    }

    /// <summary>A list that a call names.</summary>
    public static T[] Read<T>(ulong address, int count) where T : unmanaged
    {
        var values = new T[count];
        HostAddress.Read(address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private long Make(HypercallRegisters call)
    {
        Calls.Add(call);
        return Answer(call);
    }
}
