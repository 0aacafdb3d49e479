using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Tests.Core;

namespace Pv.Tests.Determinism;

/// <summary>One of a guest's two vCPUs, with a page of arguments of its own.</summary>
internal sealed class SteppedCaller(SteppedScene scene, TestGuest guest, int vcpu)
{
    private readonly Vcpu _vcpu = vcpu == 0 ? guest.Victim : guest.Caller;
    private readonly Mfn _page = vcpu == 0 ? guest.Frames[0] : guest.Safe[8];

    /// <summary>A call whose first argument is a number and whose second is the address of one; returns what the argument is then.</summary>
    public T Call<T>(HypercallNumber number, ulong operation, T argument, ulong third) where T : unmanaged
    {
        scene.Machine.Core.Memory.At<T>(_page.Address) = argument;
        guest.Call(_vcpu, number, operation, 0, third);
        return scene.Machine.Core.Memory.At<T>(_page.Address);
    }

    /// <summary>A call whose first argument is the address of one.</summary>
    public long Call<T>(HypercallNumber number, T argument, ulong second, ulong third, ulong fourth) where T : unmanaged
    {
        scene.Machine.Core.Memory.At<T>(_page.Address) = argument;
        return guest.Call(_vcpu, number, 0, second, third, fourth);
    }
}
