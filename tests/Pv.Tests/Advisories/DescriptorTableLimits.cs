using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Traps;

namespace Pv.Tests.Advisories;

/// <summary>XSA-298. Emulation reads descriptors by selectors that lie beyond the guest's tables, which would be the hypervisor's or anybody's memory.</summary>
[TestFixture]
internal sealed class DescriptorTableLimits : AdvisoryFixture
{
    [Test]
    public void Every_selector_is_read_from_the_guests_tables_or_is_nothing()
    {
        var (table, local) = (Attacker.Frames[FirstUnmapped], Attacker.Frames[FirstUnmapped + 1]);
        Machine.Core.Memory.Words(table).Fill(0x00cf_f300_0000_ffff);
        Machine.Core.Memory.Words(local).Fill(0x00cf_f300_0000_0001);
        Attacker.Put(0x800, table);
        Assert.That(Attacker.Call(HypercallNumber.SetGdt, 0x800, 512), Is.Zero);
        Assert.That(Update(Attacker.Safe[3].Address | 9 * 8, local.Address | PresentUser), Is.Zero);
        Assert.That(Extended(MmuExtOperation.SetLdt, 9ul << 12, 100), Is.Zero);
        for (var selector = 0; selector <= ushort.MaxValue; selector++)
        {
            var index = selector >> 3;
            var found = DescriptorTables.TryRead(Attacker.Caller, (ushort)selector, out var descriptor);
            if ((selector & 4) != 0)
                Assert.That((found, descriptor), Is.EqualTo(index < 100 ? (true, 0x00cf_f300_0000_0001ul) : (false, 0ul)), $"{selector:x}");
            else if (index < 512)
                Assert.That(descriptor, Is.EqualTo(0x00cf_f300_0000_fffful), $"{selector:x}");
            else if (index < XenSegments.FirstReservedGdtEntry)
                Assert.That(descriptor, Is.Zero, $"{selector:x}");
        }
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.UnpinTable, local.Value));
        AssertRefused(() => Update(Attacker.Safe[7].Address | 50 * 8, local.Address | PresentUser | Writable), "the local table is in use");
        Assert.That(Extended(MmuExtOperation.SetLdt, 0, 0), Is.Zero);
        Assert.That(Update(Attacker.Safe[7].Address | 50 * 8, local.Address | PresentUser | Writable), Is.Zero, "and given back");
        Assert.That(Update(Attacker.Safe[7].Address | 50 * 8, 0), Is.Zero);
    }

    [Test]
    public void A_local_table_of_what_is_no_memory_of_the_guests_has_no_entries()
    {
        foreach (var (address, entries) in new[] { (0x40_0000ul, 8192ul), (0x0000_7fff_ffff_f000ul, 8192ul), (0xffff_ffff_ffff_f000, 8192ul) })
        {
            Assert.That(Extended(MmuExtOperation.SetLdt, address, entries), Is.Zero);
            foreach (var selector in new ushort[] { 4, 0x1004, 0xfffc })
                Assert.That(DescriptorTables.TryRead(Attacker.Caller, selector, out _), Is.False);
        }
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.SetLdt, 0x1000, 8193));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.SetLdt, 0x1008, 8));
    }
}
