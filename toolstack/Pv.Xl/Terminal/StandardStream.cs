using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Pv.Xl.Terminal;

/// <summary>
/// Standard input, output and error as plain descriptors (read(2), write(2)): no encoding, none of the console library's start-up, and
/// unlike a file stream's, writes go on where the shell's other programs left off.
/// </summary>
internal static class StandardStream
{
    private const int Interrupted = 4, NotNow = 11;

    /// <summary>At least one byte, or 0 at the end. Blocks.</summary>
    public static int Read(Span<byte> buffer)
    {
        while (true)
        {
            var read = Receive(0, ref buffer[0], buffer.Length);
            if (read >= 0)
                return (int)read;
            // A terminal that hung up, or a directory: there is no more to come.
            if (!MayTryAgain())
                return 0;
        }
    }

    /// <summary>Writes all of it; blocks while the terminal is stopped or the pipe is full.</summary>
    /// <exception cref="IOException">Nobody reads any more, or there is no room.</exception>
    public static void Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var written = Send(descriptor, in bytes[0], bytes.Length);
            if (written >= 0)
                bytes = bytes[(int)written..];
            else if (!MayTryAgain())
                throw new IOException("Standard output is closed.");
        }
    }

    /// <summary>One line of text on standard error.</summary>
    public static void Complain(string sentence) => Write(2, System.Text.Encoding.UTF8.GetBytes(sentence + "\n"));

    /// <summary>A signal came, or somebody who shares the terminal has set O_NONBLOCK.</summary>
    private static bool MayTryAgain()
    {
        var error = new Win32Exception().NativeErrorCode;
        if (error == NotNow)
            Thread.Sleep(10);
        return error is Interrupted or NotNow;
    }

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint Receive(int descriptor, ref byte buffer, nint length);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint Send(int descriptor, in byte bytes, nint length);
}
