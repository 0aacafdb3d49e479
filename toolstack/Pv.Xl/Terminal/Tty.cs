using System.Runtime.InteropServices;

namespace Pv.Xl.Terminal;

/// <summary>What <c>xl</c> asks of its terminal, from the C library (termios(3), ioctl_tty(2)). Buffers are references; nothing here is a pointer.</summary>
internal static class Tty
{
    /// <summary>Larger than <c>struct termios</c> of any host; its fields are the C library's matter alone.</summary>
    public const int SettingsSize = 256;

    private const int AfterOutput = 1; // TCSADRAIN
    private const ulong GetWindowSize = 0x5413; // TIOCGWINSZ of Linux

    public static bool IsTerminal(int descriptor) => IsATty(descriptor) != 0;

    /// <summary>Columns and rows, or zeroes where nobody can tell.</summary>
    public static (int Columns, int Rows) Size(int descriptor)
    {
        if (!OperatingSystem.IsLinux())
            return (Console.WindowWidth, Console.WindowHeight);
        var size = default(WindowSize);
        return Control(descriptor, GetWindowSize, ref size) == 0 ? (size.Columns, size.Rows) : (0, 0);
    }

    /// <summary>Copies the terminal's settings; false when the descriptor is no terminal.</summary>
    public static bool GetSettings(int descriptor, byte[] settings) => GetAttributes(descriptor, ref settings[0]) == 0;

    public static void SetSettings(int descriptor, byte[] settings) => SetAttributes(descriptor, AfterOutput, ref settings[0]);

    /// <summary>Changes a copy of settings so that every byte typed arrives at once and as it is, and output is left alone.</summary>
    public static void MakeRaw(byte[] settings) => MakeSettingsRaw(ref settings[0]);

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows, Columns, PixelWidth, PixelHeight;
    }

    [DllImport("libc", EntryPoint = "isatty")]
    private static extern int IsATty(int descriptor);

    [DllImport("libc", EntryPoint = "ioctl")]
    private static extern int Control(int descriptor, ulong request, ref WindowSize size);

    [DllImport("libc", EntryPoint = "tcgetattr")]
    private static extern int GetAttributes(int descriptor, ref byte settings);

    [DllImport("libc", EntryPoint = "tcsetattr")]
    private static extern int SetAttributes(int descriptor, int when, ref byte settings);

    [DllImport("libc", EntryPoint = "cfmakeraw")]
    private static extern void MakeSettingsRaw(ref byte settings);
}
