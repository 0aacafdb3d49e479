using System.Text;
using Pv.Config;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab;

/// <summary>A file of the user's, which is written when all has been measured, and opened before: that it cannot be is said at once.</summary>
internal sealed class LabFile : IAsyncDisposable
{
    /// <summary>The most of a file that is read whole: a hundred times what the longest results have.</summary>
    private const long MostBytes = 64 << 20;

    private readonly FileStream _stream;
    private readonly bool _isNew;
    private bool _isWritten;

    private LabFile(string path)
    {
        _isNew = !Path.Exists(path);
        _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write);
    }

    /// <summary>Opens one to be written. What is in it stays until then.</summary>
    /// <exception cref="ToolstackLabException">It cannot be.</exception>
    public static LabFile Create(string path) => Open(path, () => new LabFile(path));

    /// <summary>All of one.</summary>
    /// <exception cref="ToolstackLabException">It cannot be read.</exception>
    public static string Read(string path) => Open(path, () => BoundedFile.Text(BoundedFile.Read(path, MostBytes)));

    /// <summary>Opens one to be read piece by piece.</summary>
    /// <exception cref="ToolstackLabException">It cannot be.</exception>
    public static FileStream OpenRead(string path) => Open(path, () => File.OpenRead(path));

    /// <summary>Puts a text in the place of what was there.</summary>
    public void Write(string text)
    {
        // A pipe or a device has no length.
        if (_stream.CanSeek)
            _stream.SetLength(0);
        _stream.Write(Encoding.UTF8.GetBytes(text));
        _isWritten = true;
    }

    /// <summary>A file that came to nothing is not left behind.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        if (_isNew && !_isWritten)
            File.Delete(_stream.Name);
    }

    private static T Open<T>(string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackLabException($"{path}: {FileFault.Reason(path, e)}");
        }
    }
}
