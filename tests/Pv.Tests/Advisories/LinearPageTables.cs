using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-185, XSA-240, XSA-309. Tables that refer to tables of their own level could be chained without end, so that taking one apart would
/// take apart all; and what they hold must be counted as what it is.
/// </summary>
[TestFixture]
internal sealed class LinearPageTables : AdvisoryFixture
{
    private static readonly MmuExtOperation[] Pins = [MmuExtOperation.PinL2Table, MmuExtOperation.PinL3Table, MmuExtOperation.PinL4Table];

    [Test]
    public void A_map_of_tables_by_each_other_is_one_step_deep([ValueSource(nameof(Pins))] MmuExtOperation pin)
    {
        var before = FrameAccounts.Take(Machine.Core);
        foreach (var table in Tables())
            Assert.That(Extended(pin, table.Value), Is.Zero);
        var (first, second, third) = (Tables()[0], Tables()[1], Tables()[2]);
        Assert.That(Refer(first, second), Is.Zero);
        AssertRefused(Errno.EINVAL, () => Refer(second, third), "what is referred to refers to nothing");
        AssertRefused(Errno.EINVAL, () => Refer(third, first), "what refers is not referred to");
        AssertRefused(Errno.EINVAL, () => Refer(second, first), "nor in a circle");
        Assert.That(Refer(third, second), Is.Zero, "but by several");
        Assert.That(Refer(first, first, 1), Is.Zero, "and by itself");
        foreach (var table in new[] { second, first, third })
            Assert.That(Extended(MmuExtOperation.UnpinTable, table.Value), Is.Zero);
        AssertAsBefore(before);
    }

    [Test]
    public void A_chain_that_stands_in_a_table_before_it_is_one_is_refused([ValueSource(nameof(Pins))] MmuExtOperation pin)
    {
        var (first, second, third) = (Tables()[0], Tables()[1], Tables()[2]);
        Assert.That(Extended(pin, third.Value), Is.Zero);
        Attacker.Store(second, 0, third.Address | PresentUser);
        Assert.That(Extended(pin, second.Value), Is.Zero);
        Attacker.Store(first, 0, second.Address | PresentUser);
        AssertRefused(Errno.EINVAL, () => Extended(pin, first.Value));
        Assert.That(Extended(MmuExtOperation.UnpinTable, third.Value), Is.Zero);
        Assert.That(Extended(MmuExtOperation.UnpinTable, second.Value), Is.Zero);
    }

    [Test]
    public void A_writable_one_is_refused([ValueSource(nameof(Pins))] MmuExtOperation pin)
    {
        var table = Tables()[0];
        Assert.That(Extended(pin, table.Value), Is.Zero);
        AssertRefused(Errno.EINVAL, () => Update(table.Address, table.Address | PresentUser | Writable));
        AssertRefused(Errno.EINVAL, () => Update(table.Address, Neighbour.Safe[6].Address | PresentUser), "another domain's");
    }

    private Mfn[] Tables() => Attacker.Frames[FirstUnmapped..(FirstUnmapped + 3)];

    private long Refer(Mfn table, Mfn to, uint slot = 0) => Update(table.Address | slot * 8, to.Address | PresentUser);
}
