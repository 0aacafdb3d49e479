namespace Pv.Toolstack.Control;

/// <summary>What a frame is. <c>xl</c> sends those below 64, <c>pvd</c> those from 64 on; both send hello and credit.</summary>
public enum FrameKind : byte
{
    /// <summary>Either side, first: <see cref="Greeting"/>.</summary>
    Hello = 1,

    /// <summary><see cref="CommandRequest"/>.</summary>
    Command = 2,

    /// <summary>Bytes of standard input.</summary>
    Input = 3,

    /// <summary>Standard input has ended, or the user typed the escape character. Payload: u8 <see cref="InputEnding"/>.</summary>
    InputEnd = 4,

    /// <summary>A part of the file that <see cref="ReadFile"/> asked for.</summary>
    FileData = 5,

    /// <summary>The file is complete, or cannot be read. Payload: a string, empty or the reason.</summary>
    FileEnd = 6,

    /// <summary>The answer to <see cref="Ask"/>. Payload: u8 (0 when standard input is at its end), a string.</summary>
    Answer = 7,

    /// <summary>A signal reached <c>xl</c>. Payload: u8 <see cref="ControlSignal"/>.</summary>
    Signal = 8,

    /// <summary>The terminal's size. Payload: u16 columns, u16 rows.</summary>
    WindowSize = 9,

    /// <summary>Data was used up: the other side may send so much more. Payload: u32 bytes.</summary>
    Credit = 10,

    /// <summary>No conversation. Payload: a string that says why. The connection is closed after it.</summary>
    Refused = 64,

    /// <summary>Bytes for standard output.</summary>
    Output = 65,

    /// <summary>Bytes for standard error.</summary>
    ErrorOutput = 66,

    /// <summary>Asks for standard input from now on. Payload: u8 1 for a raw terminal, u16 escape byte or 0xffff for none.</summary>
    OpenInput = 67,

    /// <summary>No more input is wanted; the terminal returns to what it was.</summary>
    CloseInput = 68,

    /// <summary>Asks for the content of a file as <c>xl</c> sees it. Payload: a string, its path (<c>-</c> is standard input).</summary>
    ReadFile = 69,

    /// <summary>Asks the user a question. Payload: u8 1 to hide what is typed, a string.</summary>
    Ask = 70,

    /// <summary>The command wants to hear of signals itself; until then they end <c>xl</c> as they end any program.</summary>
    TakeSignals = 71,

    /// <summary>The command is done. Payload: s32 exit code. The connection is closed after it.</summary>
    Exit = 72,
}

/// <summary>Why no more input comes.</summary>
public enum InputEnding : byte
{
    /// <summary>End of file.</summary>
    EndOfFile = 0,

    /// <summary>The user typed the escape character; nothing of what followed it was sent.</summary>
    Escape = 1,
}

/// <summary>The signals that travel.</summary>
public enum ControlSignal : byte
{
    Interrupt = 2,
    Terminate = 15,
}
