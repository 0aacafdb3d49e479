using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-227. A grant is mapped by the machine address of an entry, which must be a whole entry of an own L1 table.</summary>
[TestFixture]
internal sealed class GrantEntryAlignment : GrantFixture
{
    [Test]
    public void Half_entries_and_entries_of_what_is_no_L1_table_are_refused()
    {
        Offer(Ref, Neighbour.Frames[0]);
        var tables = Attacker.Safe[..8].Select(table => Machine.Core.Memory.Frame(table).ToArray()).ToArray();
        ulong[] places =
        [
            .. Enumerable.Range(1, 7).Select(i => EntryOf(40) + (ulong)i), Attacker.Safe[4].Address, Attacker.Safe[5].Address, Attacker.Safe[6].Address + 40 * 8,
            Attacker.Frames[0].Address, Attacker.Frames[FirstUnmapped].Address, Neighbour.Safe[7].Address + 40 * 8, Neighbour.Frames[0].Address, 0, 8,
            Machine.Core.Frames.Length << 12, ulong.MaxValue, 1ul << 63,
        ];
        foreach (var place in places)
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Map(Ref, place).Status, Is.EqualTo(GrantStatus.GeneralError), $"{place:x}");
            AssertAsBefore(before, $"{place:x}");
        }
        for (var i = 0; i < tables.Length; i++)
            Assert.That(Machine.Core.Memory.Frame(Attacker.Safe[i]).SequenceEqual(tables[i]));
    }
}
