using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-122, XSA-132. What is copied out has gaps and unused ends, which show what the hypervisor had there.</summary>
[TestFixture]
internal sealed class InformationLeakInPadding : GrantFixture
{
    private const byte Fill = 0xa5;

    [Test]
    public void Texts_end_in_zeros_and_nothing_lies_behind_them()
    {
        foreach (var (operation, length) in new[]
        {
            (XenVersionOperation.ExtraVersion, VersionLimits.ExtraVersionBytes), (XenVersionOperation.Capabilities, VersionLimits.CapabilitiesBytes),
            (XenVersionOperation.Changeset, VersionLimits.ChangesetBytes), (XenVersionOperation.CommandLine, VersionLimits.CommandLineBytes),
        })
        {
            var page = Filled();
            Assert.That(Attacker.Call(HypercallNumber.XenVersion, (ulong)operation, 0x40), Is.GreaterThanOrEqualTo(0));
            var text = page.Slice(0x40, length);
            var end = text.IndexOf((byte)0);
            Assert.That(text[end..].ContainsAnyExcept((byte)0, Fill), Is.False, $"{operation}: neither empty nor what the guest had there");
            Assert.That(text[..end].ContainsAnyExceptInRange((byte)' ', (byte)'~'), Is.False, $"{operation}");
            Assert.That(page[..0x40].ContainsAnyExcept(Fill) || page[(0x40 + length)..].ContainsAnyExcept(Fill), Is.False, $"{operation}: beyond its end");
        }
    }

    [Test]
    public void Structures_are_the_same_to_the_byte_whatever_was_asked_before()
    {
        (string Name, Func<long> Ask)[] calls =
        [
            ("compile info", () => Attacker.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.CompileInfo, 0x40)),
            ("features", () => Attacker.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, 0x40)),
            ("handle", () => Attacker.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GuestHandle, 0x40)),
            ("runstate", () => Attacker.Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.GetRunstateInfo, 2, 0x40)),
            ("machphys mapping", () => Attacker.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.MachphysMapping, 0x40)),
            ("memory map", () => Attacker.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.MemoryMap, 0x40)),
            ("status of a port", () => Attacker.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Status, 0x40)),
            ("size of a table", () => Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.QuerySize, 0x40, 1)),
        ];
        foreach (var (name, ask) in calls)
        {
            var first = Answer(ask, 0);
            // Leaves other things on the hypervisor's stack.
            for (var i = 0; i < 20; i++)
            {
                Map((uint)i, EntryOf(i));
                Attacker.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.Capabilities, 0x900);
                Extended(MmuExtOperation.CopyPage, Attacker.Frames[0].Value, Attacker.Frames[1].Value);
            }
            Assert.That(Answer(ask, 0).SequenceEqual(first), name);
            // What it does not set stays what the guest had there: nothing of anybody else's comes in.
            var other = Answer(ask, Fill);
            for (var i = 0; i < first.Length; i++)
                Assert.That(first[i] == other[i] || (first[i] == 0 && other[i] == Fill), $"{name}: byte {i:x}");
        }
    }

    private byte[] Answer(Func<long> ask, byte fill)
    {
        Machine.Core.Memory.Frame(Attacker.Safe[8]).Fill(fill);
        // Where an argument names a domain or a number, it is the guest's own and small.
        At<ulong>(Attacker.Safe[8], 0x40) = DomId.Self.Value;
        At<ulong>(Attacker.Safe[8], 0x48) = 0x1000;
        ask();
        return Machine.Core.Memory.Frame(Attacker.Safe[8]).ToArray();
    }

    private Span<byte> Filled()
    {
        var page = Machine.Core.Memory.Frame(Attacker.Safe[8]);
        page.Fill(Fill);
        return page;
    }
}
