namespace Pv.Guest;

/// <summary>A watch of a C# guest.</summary>
internal sealed class XenStoreWatch : IXenStoreWatch
{
    private readonly XenStoreConnection _connection;
    private readonly Queue<string> _events = new();
    private readonly EventSignal _signal = new();
    private bool _ended;

    public XenStoreWatch(XenStoreConnection connection, string path, string token)
    {
        _connection = connection;
        Path = path;
        Token = token;
    }

    public string Path { get; }

    public string Token { get; }

    public IAsyncEnumerable<string> Events => ReadAsync();

    public void Fire(string path)
    {
        _events.Enqueue(path);
        _signal.Set();
    }

    public void End()
    {
        _ended = true;
        _signal.Close();
    }

    public async ValueTask DisposeAsync()
    {
        End();
        await _connection.UnwatchAsync(this);
    }

    private async IAsyncEnumerable<string> ReadAsync()
    {
        do
        {
            while (!_ended && _events.TryDequeue(out var path))
                yield return path;
        }
        while (await _signal.WaitAsync());
    }
}
