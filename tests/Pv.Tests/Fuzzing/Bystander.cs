using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>A domain that has nothing to do with it, and whose memory must stay as it is.</summary>
internal sealed class Bystander
{
    private readonly TestMachine _machine;
    private readonly IReadOnlyList<Mfn> _frames;

    public Bystander(TestMachine machine)
    {
        _machine = machine;
        Domain = machine.CreateDomain(16);
        _frames = machine.FramesOf(Domain);
        foreach (var frame in _frames)
            machine.Core.Memory.Words(frame).Fill(PatternOf(frame));
    }

    public Domain Domain { get; }

    public bool IsUntouched()
    {
        foreach (var frame in _frames)
        {
            if (_machine.Core.Memory.Words(frame).ContainsAnyExcept(PatternOf(frame)))
                return false;
        }
        return true;
    }

    private static ulong PatternOf(Mfn frame) => frame.Value * 0x0101_0101;
}
