using NUnit.Framework;
using Pv.Cpu;
using Pv.Cpu.Software;

namespace Pv.Tests.Instructions;

/// <summary>That no instruction touches the XMM registers while their owner is another task, whatever else is wrong with it.</summary>
[TestFixture]
public sealed class TaskSwitchedTests
{
    [Test]
    public void EveryVectorInstructionSaysThatTheDeviceIsNotAvailable()
    {
        using var engine = new EngineUnderTest(memory => new SoftwareEngine(memory));
        var forms = FormCatalogue.Usual.ByMnemonic.Values.SelectMany(forms => forms.Where(form => VectorForms.UsesXmm(form.First))).ToArray();
        Assert.That(forms, Has.Length.GreaterThan(1000));
        foreach (var row in forms.SelectMany(form => RowMaker.Make(form, 1)))
        {
            row.TaskSwitched = true;
            row.Rflags = 0x202;
            var outcome = engine.Run(row);
            Assert.That((outcome.Exit, outcome.Rip), Is.EqualTo((CpuExit.Exception(ExceptionVector.DeviceNotAvailable), row.Form.Rip)), row.Form.ToString());
            Assert.That(outcome.Memory, Is.Empty, row.Form.ToString());
            Assert.That(VectorForms.Differences(row.Vectors!, outcome.Vectors!), Is.Null, row.Form.ToString());
        }
    }
}
