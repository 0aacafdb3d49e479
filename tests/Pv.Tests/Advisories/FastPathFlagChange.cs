using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Advisories;

/// <summary>XSA-182. An update that leaves the frame as it is takes a short way, and must not get more rights there than by the long one.</summary>
[TestFixture]
internal sealed class FastPathFlagChange : AdvisoryFixture
{
    private const int Slot = 300;

    [TestCase(4), TestCase(5), TestCase(6)]
    public void A_read_only_map_of_a_table_by_itself_does_not_become_writable(int table)
    {
        var entry = Attacker.Safe[table].Address | Slot * 8;
        Assert.That(Update(entry, Attacker.Safe[table].Address | PresentUser), Is.Zero);
        AssertRefused(() => Update(entry, Attacker.Safe[table].Address | PresentUser | Writable));
        AssertRefused(() => Update(entry | (ulong)MmuUpdateKind.PreserveAccessedDirty, Attacker.Safe[table].Address | PresentUser | Writable));
        Assert.That(At<ulong>(Attacker.Safe[table], Slot * 8) & Writable, Is.Zero);
    }

    [Test]
    public void A_read_only_map_of_a_table_as_memory_does_not_become_writable()
    {
        var entry = Attacker.Safe[7].Address | Slot * 8;
        foreach (var table in new[] { Attacker.Safe[3], Attacker.Safe[4], Attacker.Safe[7] })
        {
            Assert.That(Update(entry, table.Address | PresentUser), Is.Zero);
            AssertRefused(() => Update(entry, table.Address | PresentUser | Writable));
            AssertRefused(() => Attacker.Call(Attacker.Victim, HypercallNumber.UpdateVaMapping, (ulong)Slot << 12, table.Address | PresentUser | Writable));
            Assert.That(At<ulong>(Attacker.Safe[7], Slot * 8) & Writable, Is.Zero);
        }
    }

    [Test]
    public void Bits_that_no_guest_may_have_are_not_added_to_an_entry_that_stands()
    {
        ulong[] forbidden = [PageTableEntry.WriteThrough, PageTableEntry.CacheDisable, PageTableEntry.PageAttributes];
        for (var table = 4; table <= 7; table++)
        {
            var stands = At<ulong>(Attacker.Safe[table]);
            foreach (var bit in forbidden)
                AssertRefused(Errno.EINVAL, () => Update(Attacker.Safe[table].Address, stands | bit), $"table {table}, bit {bit:x}");
            Assert.That(At<ulong>(Attacker.Safe[table]), Is.EqualTo(stands));
        }
    }

    [Test]
    public void The_slots_of_the_hypervisor_are_not_written()
    {
        for (var slot = EntryRules.FirstReservedSlot; slot <= EntryRules.LastReservedSlot; slot++)
        {
            var stands = At<ulong>(Attacker.Safe[4], (ulong)slot * 8);
            AssertRefused(Errno.EINVAL, () => Update(Attacker.Safe[4].Address | (uint)slot * 8, stands | Writable), $"{slot}");
            AssertRefused(Errno.EINVAL, () => Update(Attacker.Safe[4].Address | (uint)slot * 8, 0), $"{slot}");
            Assert.That(At<ulong>(Attacker.Safe[4], (ulong)slot * 8), Is.EqualTo(stands));
        }
    }
}
