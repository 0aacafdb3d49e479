using Pv.Abi;

namespace Pv.Machine.Gate;

/// <summary>
/// The way by which C# code enters the hypervisor: a number and up to six registers, as a real kernel's <c>syscall</c> has them.
/// Arguments that are addresses name memory of the caller: pseudo-physical addresses of its own frames for a C# guest,
/// host addresses (see <see cref="HostPin"/>) for Dom0, which is part of the process.
/// </summary>
/// <remarks>
/// A C# guest calls only from its vCPU's own turns. Dom0 may call from any thread, at the same time from several.
/// A call that blocks (<c>SCHEDOP_block</c>, <c>SCHEDOP_poll</c>) is a C# guest's to await: the door only notes the wish, see <see cref="IGuestGate"/>.
/// </remarks>
public interface IHypercallDoor
{
    /// <summary>Does one hypercall and returns what rax would hold: a result, or a negative <see cref="Errno"/>.</summary>
    long Call(HypercallRegisters registers);
}

/// <summary>A hypercall as the ABI encodes it: rax, then rdi, rsi, rdx, r10, r8, r9.</summary>
public readonly record struct HypercallRegisters(
    ulong Number, ulong First = 0, ulong Second = 0, ulong Third = 0, ulong Fourth = 0, ulong Fifth = 0, ulong Sixth = 0);
