using NUnit.Framework;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class GuestAssemblyTests
{
    private static readonly string Samples = typeof(Pv.SampleGuests.Shell).Assembly.Location;

    [Test]
    public void A_class_is_chosen_by_a_word_of_the_command_line([Values("Hello", "Pv.SampleGuests.Hello")] string name)
    {
        using var machine = new FakeMachine();
        var factory = GuestAssembly.Load(Samples).Choose($"quiet guest={name} x=1");
        machine[1].PutStart();
        var kernel = factory(machine[1]);
        // Without a console Hello greets nobody and waits a second.
        Assert.That(kernel.RunTurns(), Is.EqualTo(TurnOutcome.Idle));
        machine.Now += 2_000_000_000;
        machine[1].RunTimer();
        kernel.RunTurns();
        Assert.That(machine[1].Shutdown, Is.EqualTo(Pv.Abi.ShutdownReason.PowerOff));
    }

    [TestCase("", "several guests (Hello, Shell)")]
    [TestCase("guest=Nobody", "no guest 'Nobody'; it has Hello, Shell")]
    public void A_choice_that_cannot_be_made_says_what_there_is(string commandLine, string expected)
        => Assert.That(
            () => GuestAssembly.Load(Samples).Choose(commandLine),
            Throws.InstanceOf<InvalidDataException>().With.Message.Contains(expected));

    [Test]
    public void Domains_of_one_file_share_its_code_and_not_their_hosts()
    {
        Assert.That(GuestAssembly.Load(Samples), Is.SameAs(GuestAssembly.Load(Samples)));
    }

    [Test]
    public void A_guest_may_load_the_rest_of_its_code_after_a_collection()
    {
        var folder = Directory.CreateTempSubdirectory("pv-guest-");
        try
        {
            // A copy is loaded afresh, and the shell's disks are code of another file that it needs only once it runs.
            foreach (var file in new[] { Samples, typeof(Pv.Frontends.BlockFrontends).Assembly.Location })
                File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
            using var machine = new FakeMachine();
            var factory = GuestAssembly.Load(Path.Combine(folder.FullName, Path.GetFileName(Samples))).Choose("guest=Shell");
            machine[1].PutStart();
            var kernel = factory(machine[1]);
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            // Without a console there is no line to read, and the shell says good bye.
            kernel.RunTurns();
            Assert.That(machine[1].Shutdown, Is.EqualTo(Pv.Abi.ShutdownReason.PowerOff));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void An_assembly_is_known_by_its_content()
    {
        Assert.That(GuestAssembly.IsAssembly(File.ReadAllBytes(Samples)), Is.True);
        Assert.That(GuestAssembly.IsAssembly("MZ but no more"u8.ToArray()), Is.False);
        Assert.That(GuestAssembly.IsAssembly(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F' }), Is.False);
    }
}
