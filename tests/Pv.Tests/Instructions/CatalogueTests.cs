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
    /// What Iced sees only when told to be a certain processor, an early UD0 without operands among it, and what depends on the maker
    /// (<see cref="VendorDependent.IsEncoding"/>).
    /// </summary>
    private static bool IsShadowed(Code code)
        => code is Code.Ud0 or Code.Lfs_r64_m1664 or Code.Lgs_r64_m1664 or Code.Lss_r64_m1664 or Code.Reservednop_rm16_r16_0F0D
            or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D || code.ToOpCode() is { OperandSize: 16, IntelDecoder64: false };
}
