namespace Pv.Toolstack.Control;

/// <summary>
/// The conversation between <c>xl</c> and <c>pvd</c> over <c>control.socket</c>: one connection is one command.
/// </summary>
/// <remarks>
/// <para>
/// A frame is a header of 8 bytes (<see cref="FrameHeader"/>) and its payload; all numbers are little-endian.
/// <c>xl</c> opens with <see cref="FrameKind.Hello"/> and <see cref="FrameKind.Command"/> at once; <c>pvd</c> answers with its own
/// hello, or with <see cref="FrameKind.Refused"/> and a sentence, and closes. Then come output, requests for what only <c>xl</c>
/// has (its input, its files, an answer to a question), and at last <see cref="FrameKind.Exit"/>.
/// </para>
/// <para>
/// Flow control is credit: each side may have <see cref="OutputWindow"/> or <see cref="InputWindow"/> bytes of data on the way, and sends
/// on only when the other has said with <see cref="FrameKind.Credit"/> that it is done with some. A stopped terminal
/// so holds up its own command and nothing else, and neither side ever stores more than the window.
/// </para>
/// <para>
/// The layout of the header and of the hello stays as it is in every version, so that any two can tell each other why they do not fit.
/// These files are compiled into <c>xl</c> and into the toolstack: <c>xl</c> starts quicker with few assemblies.
/// </para>
/// </remarks>
public static class ControlProtocol
{
    /// <summary>Both sides must speak the same one.</summary>
    public const ushort Version = 1;

    /// <summary>No frame's payload is longer, in bytes. A command's words have to fit.</summary>
    public const int MaxPayload = 1 << 20;

    /// <summary>The most bytes of data that one frame carries, so that no frame keeps others waiting for long.</summary>
    public const int MaxData = 1 << 15;

    /// <summary>Bytes of output (both streams together) that <c>pvd</c> may send before <c>xl</c> has written the first.</summary>
    public const int OutputWindow = 1 << 18;

    /// <summary>Bytes of terminal input, or of a file's content, that <c>xl</c> may send before <c>pvd</c> has used the first.</summary>
    public const int InputWindow = 1 << 16;

    /// <summary>The socket's name in the run directory.</summary>
    public const string SocketName = "control.socket";
}

/// <summary>The other side said what this protocol does not know. The connection cannot go on.</summary>
public sealed class ControlProtocolException(string message) : Exception(message);
