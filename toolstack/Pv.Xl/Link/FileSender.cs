using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>Sends the content of a file that only <c>xl</c> can open: its standard input, a descriptor that its shell gave it.</summary>
internal static class FileSender
{
    /// <summary>Opens and sends on a thread of its own, since the reading may block for long.</summary>
    public static void Start(ControlLink link, Outgoing outgoing, string path)
        => new Thread(() => Send(link, outgoing, path), 128 << 10) { IsBackground = true, Name = "file" }.Start();

    private static void Send(ControlLink link, Outgoing outgoing, string path)
    {
        var complaint = "";
        try
        {
            var chunk = new byte[ControlProtocol.MaxData];
            using var file = path is "-" or "/dev/stdin" or "/dev/fd/0" ? null : File.OpenHandle(path);
            for (long offset = 0; ;)
            {
                var read = file == null ? StandardStream.Read(chunk) : RandomAccess.Read(file, chunk, offset);
                if (read == 0 || !outgoing.Send(FrameKind.FileData, chunk.AsSpan(0, read)))
                    break;
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            complaint = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "No such file or directory",
                UnauthorizedAccessException => Directory.Exists(path) ? "Is a directory" : "Permission denied",
                _ => e.Message,
            };
        }
        link.TrySend(new PayloadWriter(FrameKind.FileEnd).Text(complaint));
    }
}
