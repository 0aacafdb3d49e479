using Pv.Toolstack.Control;

namespace Pv.Dom0.Hosting;

/// <summary>The run directory's one <c>pvd</c>: held while it lives, and gone with it however it ends.</summary>
internal sealed class ServerLock : IDisposable
{
    /// <summary>Longer than a <c>pvd</c> takes to end its domains and leave.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly FileStream _file;

    private ServerLock(FileStream file)
    {
        _file = file;
    }

    /// <summary>Waits for a <c>pvd</c> that is leaving, and so has no socket any more. Null when another serves this directory.</summary>
    public static async Task<ServerLock?> TakeAsync(RunDirectory directory)
    {
        for (var start = TimeProvider.System.GetTimestamp(); ; await Task.Delay(LookAgain))
        {
            if (TryTake(directory) is { } taken)
                return taken;
            if (File.Exists(directory.ControlSocket) || TimeProvider.System.GetElapsedTime(start) > Patience)
                return null;
        }
    }

    private static ServerLock? TryTake(RunDirectory directory)
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
