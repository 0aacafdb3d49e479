using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Advisories;

/// <summary>XSA-148, XSA-167. An entry that becomes a large page maps frames that nobody has judged.</summary>
[TestFixture]
internal sealed class SuperpageFlagChange : AdvisoryFixture
{
    private const ulong Large = PageTableEntry.PageSizeExtension;

    [TestCase(4, 5, TestName = "Of_an_L4_entry")]
    [TestCase(5, 6, TestName = "Of_an_L3_entry")]
    [TestCase(6, 7, TestName = "Of_an_L2_entry")]
    public void The_flag_is_not_set_in_an_entry_that_stands(int table, int below)
    {
        var entry = Attacker.Safe[table].Address;
        var stands = At<ulong>(Attacker.Safe[table]);
        AssertRefused(Errno.EINVAL, () => Update(entry, Attacker.Safe[below].Address | PresentUser | Writable | Large));
        AssertRefused(Errno.EINVAL, () => Update(entry | (ulong)MmuUpdateKind.PreserveAccessedDirty, Attacker.Safe[below].Address | PresentUser | Writable | Large));
        AssertRefused(Errno.EINVAL, () => Update(entry, Attacker.Frames[0].Address | PresentUser | Writable | Large));
        Assert.That(At<ulong>(Attacker.Safe[table]), Is.EqualTo(stands));
    }

    [Test]
    public void A_table_with_such_an_entry_is_none([Range(1, 4)] int level)
    {
        var table = Attacker.Frames[FirstUnmapped];
        Attacker.Store(table, 7, Attacker.Frames[13].Address | PresentUser | Large);
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.PinL1Table + (uint)(level - 1), table.Value));
    }

    [Test]
    public void No_extent_is_marked_as_one()
    {
        AssertRefused(Errno.EOPNOTSUPP, () => Extended(MmuExtOperation.MarkSuper, 0));
        AssertRefused(Errno.EOPNOTSUPP, () => Extended(MmuExtOperation.UnmarkSuper, 0));
    }
}
