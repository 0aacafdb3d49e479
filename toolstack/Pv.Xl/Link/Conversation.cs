using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>One command as <c>xl</c> sees it: it sends the words, then does what <c>pvd</c> says until the exit code comes.</summary>
internal sealed class Conversation : IDisposable
{
    /// <summary>The shell's code for a program that wrote to a pipe nobody reads.</summary>
    private const int BrokenPipe = 128 + 13;

    /// <summary>Used output is reported in pieces of this many bytes: short commands then never report at all.</summary>
    private const int CreditStep = ControlProtocol.OutputWindow / 4;

    private readonly ControlLink _link;
    private readonly Outgoing _outgoing;
    private readonly InputPump _input;
    private RawTerminal? _terminal;
    private Signals? _signals;
    private int _written;
    private bool _isGreeted;

    public Conversation(ControlLink link)
    {
        _link = link;
        _outgoing = new Outgoing(link);
        _input = new InputPump(link, _outgoing);
    }

    /// <summary>
    /// Runs it and returns the exit code. Null if <paramref name="mayBeLeaving"/> and <c>pvd</c> ended the conversation before it greeted, which it
    /// does before it looks at the command.
    /// </summary>
    public int? Run(CommandRequest request, bool mayBeLeaving)
    {
        var hello = new Greeting(ControlProtocol.Version, $"xl {Versions.Own}");
        try
        {
            // One packet, since the greeting is all but never refused.
            _link.Send((byte[])[.. hello.ToFrame().Span, .. request.ToFrame().Span]);
            while (_link.TryReceive(out var header, out var payload))
            {
                if (Obey(hello, header.Kind, payload) is { } code)
                    return code;
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Nothing could be sent: the connection is gone.
        }
        if (mayBeLeaving && !_isGreeted)
            return null;
        RestoreTerminal();
        StandardStream.Complain("xl: pvd ended before the command did; xl dmesg and pvd.log in the run directory may tell why.");
        return 1;
    }

    public void Dispose()
    {
        _outgoing.Close();
        RestoreTerminal();
        _signals?.Dispose();
        _link.Dispose();
    }

    private int? Obey(Greeting hello, FrameKind kind, ReadOnlySpan<byte> payload)
    {
        var reader = new PayloadReader(payload);
        switch (kind)
        {
            case FrameKind.Output:
                return Show(1, payload);
            case FrameKind.ErrorOutput:
                return Show(2, payload);
            case FrameKind.Exit:
                return reader.S32();
            case FrameKind.Hello:
                _isGreeted = true;
                return Greeting.Mismatch(hello, Greeting.Parse(payload)) is { } sentence ? Complain(sentence) : null;
            case FrameKind.Refused:
                return Complain(reader.Text());
            case FrameKind.Credit:
                _outgoing.Give(reader.S32());
                _input.GoOn();
                return null;
            case FrameKind.OpenInput:
                if (reader.U8() != 0)
                    _terminal = RawTerminal.Enter();
                if (_terminal != null)
                    TakeSignals();
                _input.Open(reader.U16());
                return null;
            case FrameKind.CloseInput:
                _input.Close();
                RestoreTerminal();
                return null;
            case FrameKind.ReadFile:
                FileSender.Start(_link, _outgoing, reader.Text());
                return null;
            case FrameKind.Ask:
                Question.Start(_link, hidden: reader.U8() != 0, reader.Text());
                return null;
            case FrameKind.TakeSignals:
                TakeSignals();
                return null;
            default:
                throw new ControlProtocolException($"pvd sent a frame of kind {(byte)kind}, which xl does not know.");
        }
    }

    private int? Show(int stream, ReadOnlySpan<byte> bytes)
    {
        try
        {
            StandardStream.Write(stream, bytes);
        }
        catch (IOException)
        {
            return BrokenPipe;
        }
        _written += bytes.Length;
        if (_written >= CreditStep)
        {
            // A command that has ended needs no credit for what is still shown of it.
            _link.TrySend(new PayloadWriter(FrameKind.Credit).S32(_written));
            _written = 0;
        }
        return null;
    }

    private void TakeSignals() => _signals ??= new Signals(_link, RestoreTerminal, () => _terminal?.Reenter());

    private void RestoreTerminal()
    {
        _terminal?.Restore();
        _terminal = null;
    }

    private static int Complain(string sentence)
    {
        StandardStream.Complain("xl: " + sentence);
        return 1;
    }
}
