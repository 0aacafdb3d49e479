using NUnit.Framework;
using Pv.Tests.Instructions;

namespace Pv.Tests.MachineGuests;

/// <summary>Every machine-code guest answers here what it answered on real Xen.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
internal sealed class MachineGuestTests(int translateAfter)
{
    [Test]
    public void AnswersAsOnRealXen([ValueSource(typeof(MachineGuestCatalog), nameof(MachineGuestCatalog.All))] MachineGuest guest) => Check(guest, false);

    /// <summary>A guest cannot tell how often its calls were stopped and went on.</summary>
    [Test]
    public void AnswersTheSameWhereverCallsStop([ValueSource(nameof(Unaware))] MachineGuest guest) => Check(guest, true);

    // One has mmu_update tell its progress in a hole, which Xen reads back, too, when it goes on; the other looks at the registers of a list that
    // was not stopped.
    private static IEnumerable<MachineGuest> Unaware() => MachineGuestCatalog.All.Where(guest => guest.Name is not ("paging-batch" or "multicall-arguments"));

    private void Check(MachineGuest guest, bool stopsOften)
    {
        using var run = new MachineGuestRun(translateAfter, hasOwnTime: guest.HasOwnTime) { StopsOften = stopsOften };
        var rows = run.Run(guest);
        var expected = RealXenAnswers.Read(guest.Name);
        var differences = Compare(expected, rows);
        Assert.That(differences, Is.Empty, () => $"{guest.Name} proves {guest.Proves}\n{string.Join('\n', differences)}\n{run.Log}");
    }

    /// <summary>A line for each row that is missing, unexpected or another value, in the order of the rows.</summary>
    private static List<string> Compare(IReadOnlyList<GuestRow> expected, IReadOnlyList<GuestRow> rows)
    {
        var differences = new List<string>();
        var next = 0;
        foreach (var row in expected)
        {
            var at = Find(rows, next, row.Name);
            if (at < 0)
            {
                differences.Add($"missing: {row}");
                continue;
            }
            for (; next < at; next++)
                differences.Add($"not on Xen: {rows[next]}");
            if (rows[next] != row)
                differences.Add($"Xen: {row}, here {new GuestRow("", rows[next].Value)}");
            next++;
        }
        for (; next < rows.Count; next++)
            differences.Add($"not on Xen: {rows[next]}");
        return differences;
    }

    private static int Find(IReadOnlyList<GuestRow> rows, int from, string name)
    {
        for (var i = from; i < rows.Count; i++)
        {
            if (rows[i].Name == name)
                return i;
        }
        return -1;
    }
}
