using System.Runtime.Versioning;
using NUnit.Framework;

namespace Pv.Tests.Instructions;

/// <summary>Random programs end as they do on the processor.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
[SupportedOSPlatform("linux")]
public sealed class ProgramTests(int translateAfter)
{
    private RowRunner _runner = null!;

    [OneTimeSetUp]
    public void Start() => _runner = RowRunner.StartOrSkip(translateAfter);

    [OneTimeTearDown]
    public void Stop() => _runner?.Dispose();

    [Test]
    public void ProgramsAgreeWithTheProcessor([Range(1, 8)] int seed)
    {
        var maker = new ProgramMaker(FormCatalogue.Usual);
        var random = new Random(seed);
        _runner.AssertAgree(Enumerable.Range(0, TestAmount.IsFull ? 50_000 : 2_500).Select(_ => maker.Make(random)));
    }

    /// <summary>An interrupted program goes on where it was, with all that it had.</summary>
    [Test]
    public void InterruptedProgramsAgreeWithTheProcessor([Values(101, 102)] int seed)
    {
        var maker = new ProgramMaker(FormCatalogue.Usual);
        var random = new Random(seed);
        _runner.AssertAgreeDisturbed(Enumerable.Range(0, TestAmount.IsFull ? 50_000 : 2_500).Select(_ => maker.Make(random)));
    }
}
