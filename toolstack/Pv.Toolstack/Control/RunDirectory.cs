namespace Pv.Toolstack.Control;

/// <summary>
/// The folder where one user's <c>pvd</c> keeps its sockets, its log and its domains' files:
/// <c>$PV_RUN_DIR</c>, else <c>$XDG_RUNTIME_DIR/pv</c>, else <c>pv-&lt;uid&gt;</c> in the temporary directory.
/// </summary>
/// <remarks>Whoever may enter it commands every domain, so it must be its user's own, with mode 0700.</remarks>
public sealed class RunDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // sockaddr_un holds 108 bytes with the terminating zero (104 on BSD and macOS); the longest name here is xenstored.socket.
    private const int LongestPath = 104 - 1 - 17;

    private RunDirectory(string path)
    {
        Path = path;
    }

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    public string ControlSocket => File(ControlProtocol.SocketName);

    /// <summary>What tools of xenstore open, by <c>XENSTORED_PATH</c>.</summary>
    public string StoreSocket => File("xenstored.socket");

    public string Log => File("pvd.log");

    /// <summary>Held by the one <c>pvd</c> that serves this folder.</summary>
    public string ServerLock => File("pvd.lock");

    /// <summary>Held by the <c>xl</c> that starts a <c>pvd</c>.</summary>
    public string StartLock => File("start.lock");

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Finds the folder, makes it where there is none, and checks that it is safe.</summary>
    /// <param name="chosen">A path that goes before the environment's, or null.</param>
    /// <exception cref="RunDirectoryException">It cannot be made, or is not this user's alone.</exception>
    public static RunDirectory Open(string? chosen = null)
    {
        var path = System.IO.Path.GetFullPath(chosen ?? Choose());
        if (System.Text.Encoding.UTF8.GetByteCount(path) > LongestPath)
            throw new RunDirectoryException($"The run directory {path} has too long a path for the sockets in it; set PV_RUN_DIR to a shorter one.");
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(path);
            else if (!Directory.Exists(path))
                Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunDirectoryException($"The run directory {path} cannot be made: {e.Message}");
        }
        Check(path);
        return new RunDirectory(path);
    }

    private static string Choose()
    {
        var own = Environment.GetEnvironmentVariable("PV_RUN_DIR");
        if (!string.IsNullOrEmpty(own))
            return own;
        var session = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return string.IsNullOrEmpty(session)
            ? System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pv-{UnixHost.EffectiveUser}")
            : System.IO.Path.Combine(session, "pv");
    }

    private static void Check(string path)
    {
        if (UnixHost.OwnerOf(path) is { } owner)
        {
            if (!owner.IsDirectory)
                throw new RunDirectoryException($"The run directory {path} is not a directory (or is a symbolic link).");
            if (owner.User != UnixHost.EffectiveUser)
                throw new RunDirectoryException($"The run directory {path} belongs to user {owner.User}, not to you ({UnixHost.EffectiveUser}).");
            Judge(path, owner.Mode);
        }
        else if (!OperatingSystem.IsWindows())
        {
            // Without a way to ask for the owner: with 0700 nobody but the owner can use it, and using it fails for others.
            Judge(path, (int)System.IO.File.GetUnixFileMode(path));
        }
    }

    private static void Judge(string path, int mode)
    {
        if (mode != (int)OwnerOnly)
            throw new RunDirectoryException($"The run directory {path} has mode 0{Convert.ToString(mode, 8)}; others may enter it. Give it mode 0700.");
    }
}

/// <summary>The run directory is not usable; the message says why.</summary>
public sealed class RunDirectoryException(string message) : Exception(message);
