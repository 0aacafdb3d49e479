using System.Text;
using NUnit.Framework;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;

namespace Pv.Tests.Control;

[TestFixture]
public sealed class ControlConnectionTests
{
    private static readonly byte[] Page = new byte[4096];

    [Test]
    public async Task A_command_gets_its_words_and_its_exit_code_comes_back()
    {
        CommandRequest? seen = null;
        await using var talk = await new Duplex(async (request, terminal) =>
        {
            seen = request;
            await terminal.WriteAsync(StandardStreams.Output, "out"u8.ToArray());
            await terminal.WriteAsync(StandardStreams.Error, "err"u8.ToArray());
            return terminal.Variable("PV_X") == "1=2" ? -7 : 1;
        }).GreetAsync("list", "a b", "");

        var frames = await talk.HearAllAsync();

        Assert.That(seen!.Words, Is.EqualTo(new[] { "list", "a b", "" }));
        Assert.That(seen.Terminal, Is.EqualTo(new TerminalFacts(StandardStreams.Input | StandardStreams.Output, 80, 24)));
        Assert.That(frames.Select(frame => frame.Kind), Is.EqualTo(new[] { FrameKind.Output, FrameKind.ErrorOutput, FrameKind.Exit }));
        Assert.That(Encoding.UTF8.GetString(frames[1].Payload), Is.EqualTo("err"));
        Assert.That(new PayloadReader(frames[2].Payload).S32(), Is.EqualTo(-7));
    }

    [Test]
    public async Task Another_version_is_refused_with_a_sentence_that_names_both()
    {
        await using var talk = new Duplex((_, _) => Task.FromResult(0));
        await talk.SayAsync(new Greeting(ControlProtocol.Version + 1, "xl of tomorrow").ToFrame());

        var frames = await talk.HearAllAsync();

        Assert.That(frames, Has.Count.EqualTo(1));
        Assert.That(frames[0].Kind, Is.EqualTo(FrameKind.Refused));
        var sentence = new PayloadReader(frames[0].Payload).Text();
        Assert.That(sentence, Does.Contain("xl of tomorrow").And.Contain($"version {ControlProtocol.Version + 1}").And.Contain("pvd test"));
        await talk.ServedAsync();
    }

    [Test]
    public async Task What_is_no_greeting_is_refused()
    {
        await using var talk = new Duplex((_, _) => Task.FromResult(0));
        await talk.SayAsync(new PayloadWriter(FrameKind.Hello).Bytes("GET / HTTP/1.1\r\n"u8));

        Assert.That((await talk.HearAsync())!.Value.Kind, Is.EqualTo(FrameKind.Refused));
        await talk.ServedAsync();
    }

    [Test]
    public async Task A_reader_that_stops_holds_up_its_own_command_and_no_other()
    {
        async Task<int> FloodAsync(CommandRequest request, ICommandTerminal terminal)
        {
            for (var i = 0; i < 1024; i++)
                await terminal.WriteAsync(StandardStreams.Output, Page);
            return 0;
        }

        await using var stopped = await new Duplex(FloodAsync).GreetAsync("flood");
        await using var other = await new Duplex(FloodAsync).GreetAsync("flood");

        // The other one reads and gives credit: it gets all, while nothing is read from the first.
        long otherGot = 0;
        while (await other.HearAsync() is { Kind: FrameKind.Output } frame)
        {
            otherGot += frame.Payload.Length;
            await other.SayAsync(new PayloadWriter(FrameKind.Credit).S32(frame.Payload.Length));
        }
        Assert.That(otherGot, Is.EqualTo(1024 * 4096));

        // The first was sent a window and not a byte more.
        long stoppedGot = 0;
        while (stoppedGot < ControlProtocol.OutputWindow)
            stoppedGot += (await stopped.HearAsync())!.Value.Payload.Length;
        var next = stopped.HearAsync();
        Assert.That(stoppedGot, Is.EqualTo(ControlProtocol.OutputWindow));
        Assert.That(next.IsCompleted, Is.False);
        await stopped.SayAsync(new PayloadWriter(FrameKind.Credit).S32(100));
        Assert.That((await next)!.Value.Payload, Has.Length.EqualTo(100));
    }

    [Test]
    public async Task Credit_that_was_never_owed_ends_the_conversation()
    {
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            await Task.Delay(Timeout.Infinite, terminal.Gone);
            return 0;
        }).GreetAsync("wait");

        await talk.SayAsync(new PayloadWriter(FrameKind.Credit).S32(1));

        Assert.That((await talk.HearAsync())!.Value.Kind, Is.EqualTo(FrameKind.Refused));
        await talk.ServedAsync();
    }

    [Test]
    public async Task Input_reaches_the_command_with_credit_for_what_it_used_and_ends_with_the_reason()
    {
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            await using var input = await terminal.OpenInputAsync(raw: true, escape: 0x1d);
            var buffer = new byte[3];
            var total = 0;
            while (await input.ReadAsync(buffer, terminal.Gone) is > 0 and var read)
                total += read;
            return total * 10 + (int)input.Ending;
        }).GreetAsync("console");

        var open = (await talk.HearAsync())!.Value;
        Assert.That(open.Kind, Is.EqualTo(FrameKind.OpenInput));
        Assert.That(open.Payload, Is.EqualTo(new byte[] { 1, 0x1d, 0 }));
        await talk.SayAsync(new PayloadWriter(FrameKind.Input).Bytes("abcdefg"u8));
        await talk.SayAsync(new PayloadWriter(FrameKind.InputEnd).U8((byte)InputEnding.Escape));

        var rest = await talk.HearAllAsync();
        var credit = rest.Where(frame => frame.Kind == FrameKind.Credit).Sum(frame => new PayloadReader(frame.Payload).S32());
        Assert.That(credit, Is.EqualTo(7));
        Assert.That(rest.Select(frame => frame.Kind), Does.Contain(FrameKind.CloseInput));
        Assert.That(new PayloadReader(rest[^1].Payload).S32(), Is.EqualTo(71));
    }

    [Test]
    public async Task Input_beyond_the_window_ends_the_conversation()
    {
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            await using var input = await terminal.OpenInputAsync(raw: false, escape: null);
            await Task.Delay(Timeout.Infinite, terminal.Gone);
            return 0;
        }).GreetAsync("console");
        await talk.HearAsync();

        for (var sent = 0; sent <= ControlProtocol.InputWindow; sent += Page.Length)
            await talk.SayAsync(new PayloadWriter(FrameKind.Input).Bytes(Page));

        Assert.That((await talk.HearAllAsync()).Select(frame => frame.Kind), Does.Contain(FrameKind.Refused));
        await talk.ServedAsync();
    }

    [Test]
    public async Task A_file_that_only_xl_can_open_comes_in_parts_and_its_failure_as_an_exception()
    {
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            var content = await terminal.ReadFileAsync("/dev/fd/3", 100);
            try
            {
                await terminal.ReadFileAsync("/dev/fd/4", 100);
                return 1;
            }
            catch (IOException e)
            {
                return e.Message == "Permission denied" ? content.Length : 2;
            }
        }).GreetAsync("create");

        var asked = (await talk.HearAsync())!.Value;
        Assert.That((asked.Kind, new PayloadReader(asked.Payload).Text()), Is.EqualTo((FrameKind.ReadFile, "/dev/fd/3")));
        await talk.SayAsync(new PayloadWriter(FrameKind.FileData).Bytes("memory"u8));
        await talk.SayAsync(new PayloadWriter(FrameKind.FileData).Bytes("=64"u8));
        await talk.SayAsync(new PayloadWriter(FrameKind.FileEnd).Text(""));
        while ((await talk.HearAsync())!.Value.Kind != FrameKind.ReadFile)
            continue;
        await talk.SayAsync(new PayloadWriter(FrameKind.FileEnd).Text("Permission denied"));

        Assert.That(new PayloadReader((await talk.HearAllAsync())[^1].Payload).S32(), Is.EqualTo(9));
    }

    [Test]
    public async Task A_signal_cancels_only_what_the_command_gave_to_it()
    {
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            var interrupted = await terminal.TakeSignalsAsync();
            await Task.Delay(Timeout.Infinite, interrupted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return terminal.Gone.IsCancellationRequested ? 1 : 130;
        }).GreetAsync("create", "-F");

        Assert.That((await talk.HearAsync())!.Value.Kind, Is.EqualTo(FrameKind.TakeSignals));
        await talk.SayAsync(new PayloadWriter(FrameKind.Signal).U8((byte)ControlSignal.Interrupt));

        Assert.That(new PayloadReader((await talk.HearAsync())!.Value.Payload).S32(), Is.EqualTo(130));
    }

    [Test]
    public async Task A_command_hears_that_xl_has_left()
    {
        var cancelled = new TaskCompletionSource();
        await using var talk = await new Duplex(async (_, terminal) =>
        {
            terminal.Gone.Register(cancelled.SetResult);
            await Task.Delay(Timeout.Infinite, terminal.Gone);
            return 0;
        }).GreetAsync("wait");

        await talk.Xl.CompleteAsync();

        await talk.ServedAsync();
        Assert.That(cancelled.Task.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public async Task A_long_command_line_passes_and_one_too_long_is_refused_where_it_is_made()
    {
        var words = new[] { "create", new string('x', 900_000) };
        await using var talk = await new Duplex((request, _) => Task.FromResult(request.Words[1].Length / 1000)).GreetAsync(words);

        Assert.That(new PayloadReader((await talk.HearAsync())!.Value.Payload).S32(), Is.EqualTo(900));
        Assert.That(() => Duplex.Request(new string('x', 2_000_000)).ToFrame(), Throws.TypeOf<ControlProtocolException>());
    }

    [Test]
    public async Task Random_bytes_cost_at_most_their_own_conversation([Range(0, 19)] int seed)
    {
        var random = new Random(seed);
        await using var talk = new Duplex(async (_, terminal) =>
        {
            await using var input = await terminal.OpenInputAsync(raw: false, escape: null);
            var buffer = new byte[64];
            while (await input.ReadAsync(buffer, terminal.Gone) > 0)
                await terminal.WriteAsync(StandardStreams.Output, buffer);
            return 0;
        });
        // Half of the seeds get as far as a running command before the noise begins.
        if (seed % 2 == 0)
            await talk.GreetAsync("cat");

        for (var i = 0; i < 200 && !talk.Served.IsCompleted; i++)
            await talk.Raw.WriteAsync(Noise(random));
        await talk.Xl.CompleteAsync();

        await talk.ServedAsync();
        Assert.That(talk.Served.IsCompletedSuccessfully, Is.True);
    }

    /// <summary>Frames that are nearly right: kinds that exist and do not, lengths that fit and do not.</summary>
    private static byte[] Noise(Random random)
    {
        var payload = new byte[random.Next(40)];
        random.NextBytes(payload);
        var frame = new PayloadWriter((FrameKind)random.Next(1, 80)).Bytes(payload).Finish().ToArray();
        if (random.Next(8) == 0)
            frame[random.Next(frame.Length)] ^= (byte)(1 << random.Next(8));
        return frame;
    }
}
