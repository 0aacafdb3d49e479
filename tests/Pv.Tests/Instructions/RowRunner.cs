using System.Runtime.Versioning;
using NUnit.Framework;
using Pv.Cpu.Software;
using Pv.Tests.Instructions.Oracle;

namespace Pv.Tests.Instructions;

/// <summary>The processor and the engine side by side.</summary>
[SupportedOSPlatform("linux")]
internal sealed class RowRunner : IDisposable
{
    private const int Batch = 4096, ShownFailures = 6;
    private readonly EngineUnderTest _engine;

    private RowRunner(int translateAfter) => _engine = new EngineUnderTest(memory => new SoftwareEngine(memory, translateAfter));

    public ProcessorOracle Oracle { get; } = new();

    /// <summary>Rows that were compared since the start.</summary>
    public int Compared { get; private set; }

    /// <summary>Makes one for a tier of the engine (see <see cref="Tier"/>), or skips the fixture where the processor cannot be asked.</summary>
    public static RowRunner StartOrSkip(int translateAfter)
    {
        if (!ProcessorOracle.IsSupported)
            Assert.Ignore("The processor can only be asked on x86-64 Linux.");
        return new RowRunner(translateAfter);
    }

    /// <summary>Fails with the first rows that differ.</summary>
    public void AssertAgree(IEnumerable<Row> rows)
    {
        var (count, different) = (0, 0);
        var reports = new List<string>();
        var mnemonics = new SortedSet<string>();
        foreach (var batch in rows.Chunk(Batch))
        {
            var answers = Oracle.Run(batch);
            count += batch.Length;
            for (var i = 0; i < batch.Length; i++)
            {
                if (Comparison.Differences(batch[i], answers[i], _engine.Run(batch[i])) is not { } report)
                    continue;
                different++;
                mnemonics.Add(batch[i].Form.First.Mnemonic.ToString());
                if (reports.Count < ShownFailures)
                    reports.Add(report);
            }
        }
        Compared += count;
        Assert.That(count, Is.Positive, "no rows");
        if (different > 0)
            Assert.Fail($"{different} of {count} rows differ from the processor ({string.Join(" ", mnemonics)}); the first:\n{string.Join("\n", reports)}");
    }

    /// <summary>The same, while another thread interrupts the engine all the time.</summary>
    public void AssertAgreeDisturbed(IEnumerable<Row> rows) => _engine.Disturb(() => AssertAgree(rows));

    public void Dispose()
    {
        _engine.Dispose();
        Oracle.Dispose();
    }
}
