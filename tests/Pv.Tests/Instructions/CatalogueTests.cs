using Iced.Intel;
using NUnit.Framework;

namespace Pv.Tests.Instructions;

/// <summary>That no instruction is forgotten.</summary>
[TestFixture]
public sealed class CatalogueTests
{
    [Test]
    public void EveryInstructionHasFormsOrAReasonToHaveNone()
    {
        var covered = FormCatalogue.Usual.ByMnemonic.Values.SelectMany(forms => forms).Select(form => form.First.Code).ToHashSet();
        var forgotten = Enum.GetValues<Code>().Where(code => code.ToOpCode() is { IsInstruction: true, Mode64: true })
            .Where(code => !covered.Contains(code) && Exclusions.ReasonFor(new Instruction { Code = code }) is null && !IsShadowed(code));
        TestContext.Out.WriteLine($"{covered.Count} instructions, {FormCatalogue.Usual.ByMnemonic.Values.Sum(forms => forms.Length)} forms");
        Assert.That(forgotten, Is.Empty);
    }

    /// <summary>
    /// What Iced sees only when told to be a certain processor: near branches whose operand-size prefix AMD honours and Intel ignores
    /// (<see cref="VendorDependent.IsShortBranch"/>), and an early UD0 without operands.
    /// </summary>
    private static bool IsShadowed(Code code)
        => code == Code.Ud0 || code.ToOpCode() is { OperandSize: 16, IntelDecoder64: false };
}
