using System.Runtime.Versioning;
using Iced.Intel;
using NUnit.Framework;

namespace Pv.Tests.Instructions;

/// <summary>Every instruction, in all its forms, does what the processor does.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
[SupportedOSPlatform("linux")]
public sealed class InstructionTests(int translateAfter)
{
    // Sets of inputs for each form.
    private static readonly int RowsOfAForm = TestAmount.IsFull ? 24 : 8;

    private RowRunner _runner = null!;

    [OneTimeSetUp]
    public void Start() => _runner = RowRunner.StartOrSkip(translateAfter);

    [OneTimeTearDown]
    public void Stop()
    {
        TestContext.Progress.WriteLine($"{_runner?.Compared} rows compared with the processor");
        _runner?.Dispose();
    }

    private static IEnumerable<Mnemonic> Mnemonics
        => Enum.GetValues<Code>().Where(code => code.ToOpCode() is { IsInstruction: true, Mode64: true, IntelDecoder64: true })
            .Where(code => Exclusions.ReasonFor(new Instruction { Code = code }) is null)
            .Select(code => code.Mnemonic()).Distinct();

    [TestCaseSource(nameof(Mnemonics))]
    public void AgreesWithTheProcessor(Mnemonic mnemonic)
    {
        if (mnemonic == Mnemonic.Syscall && !_runner.Oracle.CatchesSyscalls)
            Assert.Ignore("This kernel has no syscall user dispatch.");
        _runner.AssertAgree(FormCatalogue.Usual.ByMnemonic[mnemonic].SelectMany(form => RowMaker.Make(form, RowsOfAForm)));
    }
}
