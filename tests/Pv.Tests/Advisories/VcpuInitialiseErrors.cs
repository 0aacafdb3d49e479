using System.Runtime.InteropServices;
using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-165, XSA-296. A vCPU gets its first state from the guest: one that is refused half-way keeps nothing, one that is given twice is given once,
/// and what the guest does not say is not what was there.
/// </summary>
[TestFixture]
internal sealed class VcpuInitialiseErrors : AdvisoryFixture
{
    private const uint New = 2;

    [Test]
    public void What_is_refused_holds_nothing()
    {
        AssertRefused(Errno.EINVAL, () => Begin(root: Attacker.Frames[0]), "memory");
        AssertRefused(Errno.EINVAL, () => Begin(root: Attacker.Safe[5]), "a table of another level");
        AssertRefused(Errno.EINVAL, () => Begin(root: Neighbour.Safe[4]), "another domain's");
        AssertRefused(Errno.EINVAL, () => Begin(root: new Mfn(1ul << 40)), "beyond the machine");
        AssertRefused(Errno.EINVAL, () => Begin(user: Attacker.Frames[0]));
        AssertRefused(Errno.EINVAL, () => Begin(user: new Mfn(1ul << 40)));
        AssertRefused(Errno.EINVAL, () => Begin(entries: 1024, frames: [Attacker.Frames[FirstUnmapped], Attacker.Frames[0]]), "the second frame of descriptors");
        AssertRefused(Errno.EINVAL, () => Begin(entries: 7169, frames: [Attacker.Frames[FirstUnmapped]]), "more descriptors than there is room");
        AssertRefused(Errno.EINVAL, () => Begin(entries: ulong.MaxValue, frames: [Attacker.Frames[FirstUnmapped]]));
        AssertRefused(Errno.EINVAL, () => Begin(local: (XenVirtualMemory.Start, 1)));
        AssertRefused(Errno.EINVAL, () => Begin(local: (0x1000, 8193)));
        AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.Up, New), "it has no state");
        Assert.That(Begin(entries: 512, frames: [Attacker.Frames[FirstUnmapped]]), Is.Zero);
        AssertRefused(Errno.EEXIST, () => Begin());
    }

    [Test]
    public void Two_that_begin_the_same_one_at_once_do_not_both()
    {
        Begin(root: new Mfn(1ul << 40));
        var argument = Machine.Core.Memory.At<ulong>(Attacker.Safe[8].Address);
        Assert.That(argument, Is.Not.EqualTo(ulong.MaxValue));
        Write(Attacker.Safe[8], Attacker.Safe[9], Context(Attacker.Safe[4]));
        Write(Attacker.Frames[0], Attacker.Frames[1], Context(Attacker.Safe[4]));
        var results = new long[2];
        Parallel.Invoke(
            () => results[0] = Attacker.Call(Attacker.Caller, HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, New, 0),
            () => results[1] = Attacker.Call(Attacker.Victim, HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, New, 0));
        Assert.That(results, Is.EquivalentTo(new[] { 0, -(long)Errno.EEXIST }));
    }

    [Test]
    public void The_floating_point_state_is_that_of_a_reset()
    {
        // As if somebody had computed there before.
        ((Span<byte>)Attacker.Domain.Vcpus[New]!.Registers.Fx).Fill(0x5a);
        Assert.That(Begin(), Is.Zero);
        Span<byte> state = Attacker.Domain.Vcpus[New]!.Registers.Fx;
        Assert.That((MemoryMarshal.Read<ushort>(state), MemoryMarshal.Read<uint>(state[24..])), Is.EqualTo(((ushort)0x37f, 0x1f80u)));
        Assert.That(state[32..].ContainsAnyExcept((byte)0), Is.False, "registers of somebody else's");
    }

    private static VcpuGuestContext Context(Mfn root, Mfn user = default, ulong entries = 0, Mfn[]? frames = null, (ulong Base, ulong Entries) local = default)
    {
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel, GdtEntries = entries, LdtBase = local.Base, LdtEntries = local.Entries };
        context.ControlRegisters[3] = root.Address;
        context.ControlRegisters[1] = user.Address;
        for (var i = 0; i < frames?.Length; i++)
            context.GdtFrames[i] = frames[i].Value;
        return context;
    }

    private long Begin(Mfn? root = null, Mfn user = default, ulong entries = 0, Mfn[]? frames = null, (ulong Base, ulong Entries) local = default)
    {
        Write(Attacker.Safe[8], Attacker.Safe[9], Context(root ?? Attacker.Safe[4], user, entries, frames, local));
        return Attacker.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, New, 0);
    }

    private void Write(Mfn first, Mfn second, VcpuGuestContext context)
    {
        var bytes = MemoryMarshal.AsBytes<VcpuGuestContext>([context]);
        bytes[..4096].CopyTo(Machine.Core.Memory.Frame(first));
        bytes[4096..].CopyTo(Machine.Core.Memory.Frame(second));
    }
}
