using Pv.Abi;
using Pv.Guest;

namespace Pv.Toolstack.Domains;

/// <content>Core dumps.</content>
public sealed partial class XenDomains
{
    /// <summary>Where <c>coredump-destroy</c> and <c>coredump-restart</c> leave a file of the domain's name; made when it is needed.</summary>
    public string DumpFolder { get; init; } = Path.Combine(Path.GetTempPath(), "pv-dump");

    public async Task DumpCoreAsync(DomId domain, string path, CancellationToken cancel)
    {
        var record = FindGuest(domain, "it cannot be dumped");
        using var turn = await record.Turn.EnterAsync(cancel);
        try
        {
            Demand(_control.PauseDomain(domain), domain, "paused for its dump");
            try
            {
                await Task.Run(() => WriteDump(domain, path, cancel), cancel);
            }
            finally
            {
                _control.UnpauseDomain(domain);
            }
        }
        catch (Exception e) when (e is InvalidDataException or HypercallException or IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException($"No core of domain {record.Name} can be written to {path}: {e.Message.TrimEnd('.')}.");
        }
    }

    private void WriteDump(DomId domain, string path, CancellationToken cancel)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 1 << 20 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var isWhole = false;
        using (var file = new FileStream(path, options))
        {
            try
            {
                _assembly.Dumps.Write(domain, file, cancel);
                isWhole = true;
            }
            finally
            {
                // Half a dump is none.
                if (!isWhole)
                    file.SetLength(0);
            }
        }
    }

    /// <summary>What <c>coredump-…</c> asks for; that it cannot be had changes nothing of what follows.</summary>
    private async Task TryDumpCoreAsync(DomainRecord record, CancellationToken cancel)
    {
        // A name may hold what a path takes for a folder.
        var path = Path.Combine(DumpFolder, record.Name.Replace('/', '_'));
        _log($"dumping core to {path}");
        try
        {
            Directory.CreateDirectory(DumpFolder);
            await DumpCoreAsync(record.Id, path, cancel);
        }
        catch (Exception e) when (e is ToolstackException or IOException or UnauthorizedAccessException)
        {
            _log(e.Message);
        }
    }
}
