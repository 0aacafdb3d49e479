using Pv.Toolstack.Control;

namespace Pv.Dom0.Hosting;

/// <summary>The run directory's one <c>pvd</c>: held while it lives, and gone with it however it ends.</summary>
internal sealed class ServerLock : IDisposable
{
    private readonly FileStream _file;

    private ServerLock(FileStream file)
    {
        _file = file;
    }

    /// <summary>Null when another <c>pvd</c> serves this directory.</summary>
    public static ServerLock? TryTake(RunDirectory directory)
    {
        try
        {
            var file = new FileStream(directory.ServerLock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            file.SetLength(0);
            file.Write(System.Text.Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"));
            file.Flush();
            // And beside the lock, which .NET opens for nobody else.
            File.WriteAllText(directory.File("pvd.pid"), $"{Environment.ProcessId}\n");
            return new ServerLock(file);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => _file.Dispose();
}
