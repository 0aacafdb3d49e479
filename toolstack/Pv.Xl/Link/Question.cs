using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>Puts a question of <c>pvd</c> to the user and sends the line that was typed.</summary>
internal static class Question
{
    public static void Start(ControlLink link, bool hidden, string text)
        => new Thread(() => Put(link, hidden, text), 128 << 10) { IsBackground = true, Name = "question" }.Start();

    private static void Put(ControlLink link, bool hidden, string text)
    {
        StandardStream.Write(2, System.Text.Encoding.UTF8.GetBytes(text));
        var terminal = hidden ? RawTerminal.Enter() : null;
        var line = new List<byte>();
        var one = new byte[1];
        var read = 0;
        // A byte at a time: what follows the line is not ours to take.
        while ((read = StandardStream.Read(one)) == 1 && one[0] is not ((byte)'\n' or (byte)'\r'))
            line.Add(one[0]);
        terminal?.Restore();
        if (hidden)
            StandardStream.Write(2, "\n"u8);
        var answered = read == 1 || line.Count > 0;
        link.TrySend(new PayloadWriter(FrameKind.Answer).U8(answered ? (byte)1 : (byte)0).Text(System.Text.Encoding.UTF8.GetString(line.ToArray())));
    }
}
