using NUnit.Framework;
using Pv.Guest;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class GuestConsoleTests
{
    [Test]
    public void A_line_feed_becomes_carriage_return_and_line_feed()
    {
        using var guest = new GuestHarness(context => context.Console.WriteAsync("a\nb\r\nc\rd"));
        guest.Run();
        Assert.That(guest.TakeOutput(), Is.EqualTo("a\r\nb\r\nc\rd"));
    }

    [Test]
    public void A_writer_waits_for_room_and_writers_do_not_mix()
    {
        var first = new string('1', 3000);
        var second = new string('2', 3000);
        using var guest = new GuestHarness(async context =>
        {
            context.Spawn(() => context.Console.WriteAsync(first));
            await context.Console.WriteAsync(second);
        });
        guest.Run();
        var output = "";
        for (var round = 0; round < 10 && output.Length < 6000; round++)
        {
            output += guest.TakeOutput();
            guest.NotifyConsole();
            guest.Run();
        }
        Assert.That(output, Is.EqualTo(first + second));
    }

    [TestCase("abc\r", "abc", "abc\r\n")]
    [TestCase("abc\n", "abc", "abc\r\n")]
    [TestCase("abx\u007fc\r", "abc", "abx\b \bc\r\n")]
    [TestCase("\u007f\r", "", "\r\n", Description = "nothing to erase")]
    [TestCase("ab\u0015cd\r", "cd", "ab\b \b\b \bcd\r\n")]
    [TestCase("one two\u0017x\r", "one x", "one two\b \b\b \b\b \bx\r\n")]
    [TestCase("ab\u0003c\r", "c", "ab^C\r\n> c\r\n")]
    [TestCase("a\u001b[Ab\r", "ab", "ab\r\n", Description = "an arrow does nothing")]
    [TestCase("€\u007f$\r", "$", "€\b \b$\r\n", Description = "a character, not a byte, is erased")]
    public void A_line_is_edited_and_echoed(string typed, string expected, string echo)
    {
        string? line = null;
        using var guest = new GuestHarness(async context => line = await context.Console.ReadLineAsync("> "));
        guest.Run();
        Assert.That(guest.TakeOutput(), Is.EqualTo("> "));
        guest.Type(typed);
        Assert.That(line, Is.EqualTo(expected));
        Assert.That(guest.TakeOutput(), Is.EqualTo(echo));
    }

    [Test]
    public void Carriage_return_with_line_feed_ends_one_line()
    {
        var lines = new List<string?>();
        using var guest = new GuestHarness(async context =>
        {
            for (var i = 0; i < 3; i++)
                lines.Add(await context.Console.ReadLineAsync());
        });
        guest.Run();
        guest.Type("a\r\nb\r");
        guest.Type("\nc\n");
        Assert.That(lines, Is.EqualTo(new[] { "a", "b", "c" }));
    }

    [Test]
    public void End_of_transmission_on_an_empty_line_is_the_end()
    {
        var line = "something";
        using var guest = new GuestHarness(async context => line = await context.Console.ReadLineAsync());
        guest.Run();
        guest.Type("\u0004");
        Assert.That(line, Is.Null);
    }

    [Test]
    public void A_corrupt_ring_is_told_with_its_reason()
    {
        using var guest = new GuestHarness(context => context.Console.ReadLineAsync());
        guest.Run();
        guest.Gate.Page(FakeGate.ConsoleFrame).WriteUInt32Release(ByteRingLayout.ConsoleIn.Producer, 0x8000_0000);
        guest.NotifyConsole();
        Assert.That(guest.Run, Throws.InstanceOf<RingCorruptException>().With.Message.Contains("2147483648 bytes ahead"));
    }
}
