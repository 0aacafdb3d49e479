using System.Text;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>Tells a person at a terminal that <c>pvd</c> is being started, if that takes over half a second; gone when disposed.</summary>
internal sealed class StartProgress : IDisposable
{
    private readonly object _lock = new();
    private readonly Timer? _timer;
    private bool _isShown, _isOver;

    public StartProgress()
    {
        if (Tty.IsTerminal(2))
            _timer = new Timer(_ => Show(), null, 500, Timeout.Infinite);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_lock)
        {
            _isOver = true;
            if (_isShown)
                Write("\r\e[K");
        }
    }

    private void Show()
    {
        lock (_lock)
        {
            if (_isOver)
                return;
            _isShown = true;
            Write("Starting pvd ...");
        }
    }

    private static void Write(string text)
    {
        try
        {
            StandardStream.Write(2, Encoding.UTF8.GetBytes(text));
        }
        catch (IOException)
        {
            // The terminal has gone.
        }
    }
}
