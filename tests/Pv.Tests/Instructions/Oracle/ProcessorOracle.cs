using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Pv.Cpu;

namespace Pv.Tests.Instructions.Oracle;

/// <summary>Runs rows on the processor itself, in a child process (<see cref="OracleProgram"/>).</summary>
[SupportedOSPlatform("linux")]
internal sealed class ProcessorOracle : IDisposable
{
    private const int SigSys = 31;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly string _path;
    private readonly byte[] _batch = new byte[OracleWire.BatchBytes];
    private readonly Process _child;
    private readonly BufferedStream _results;

    public ProcessorOracle()
    {
        _path = Path.Combine(Path.GetTempPath(), $"pv-oracle-{Guid.NewGuid():N}");
        File.WriteAllBytes(_path, OracleProgram.Build());
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _child = Process.Start(new ProcessStartInfo(_path) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("The oracle does not start.");
        _results = new BufferedStream(_child.StandardOutput.BaseStream, 1 << 16);
        Span<byte> hello = stackalloc byte[8];
        _results.ReadExactly(hello);
        CatchesSyscalls = BitConverter.ToUInt64(hello) == 0;
    }

    /// <summary>Whether this host can run the program at all.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Whether <c>syscall</c> can stand in a row: the kernel knows syscall user dispatch.</summary>
    public bool CatchesSyscalls { get; }

    /// <summary>The outcomes of rows, in order.</summary>
    /// <exception cref="InvalidOperationException">A row killed the child; the message names it.</exception>
    public Outcome[] Run(IReadOnlyList<Row> rows)
    {
        var outcomes = new Outcome[rows.Count];
        for (var from = 0; from < rows.Count;)
        {
            using var impatience = new Timer(_ => _child.Kill(), null, Patience, Timeout.InfiniteTimeSpan);
            var to = Send(rows, from);
            for (; from < to; from++)
                outcomes[from] = Receive(rows[from]);
        }
        return outcomes;
    }

    private int Send(IReadOnlyList<Row> rows, int from)
    {
        Form? last = null;
        var length = 8;
        var to = from;
        for (; to < rows.Count; to++)
        {
            var row = rows[to];
            if (length + OracleWire.RowBytes + row.Form.Code.Length + 8 + row.Patches.Count * OracleWire.PatchBytes + VectorForms.ImageBytes > _batch.Length)
                break;
            length += Encode(row, withCode: row.Form != last, _batch.AsSpan(length));
            last = row.Form;
        }
        BinaryPrimitives.WriteUInt64LittleEndian(_batch, (ulong)(length - 8));
        _child.StandardInput.BaseStream.Write(_batch, 0, length);
        _child.StandardInput.BaseStream.Flush();
        return to;
    }

    private static int Encode(Row row, bool withCode, Span<byte> to)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(to[..OracleWire.RowBytes]);
        for (var i = 0; i < 16; i++)
            words[i] = row.General[OracleWire.RegisterOrder[i]];
        words[16] = row.Form.Rip;
        words[17] = row.Rflags;
        words[18] = row.FsBase;
        words[19] = row.GsBase;
        words[20] = (ulong)row.Form.Offset;
        words[21] = withCode ? (ulong)row.Form.Code.Length : 0;
        words[22] = (ulong)row.Patches.Count;
        words[23] = (ulong)(row.Vectors?.Length ?? 0);
        var at = OracleWire.RowBytes;
        if (withCode)
        {
            row.Form.Code.CopyTo(to[at..]);
            at = (at + row.Form.Code.Length + 7) & -8;
        }
        foreach (var (address, value) in row.Patches)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to[at..], address);
            BinaryPrimitives.WriteUInt64LittleEndian(to[(at + 8)..], (ulong)Arena.OffsetOf(address));
            BinaryPrimitives.WriteUInt64LittleEndian(to[(at + 16)..], value);
            at += OracleWire.PatchBytes;
        }
        row.Vectors?.CopyTo(to[at..]);
        return at + (row.Vectors?.Length ?? 0);
    }

    private Outcome Receive(Row row)
    {
        Span<byte> result = stackalloc byte[OracleWire.ResultBytes];
        Read(result, row);
        var memory = new Difference[MemoryMarshal.Read<ulong>(result[OracleWire.DifferenceCount..])];
        Read(MemoryMarshal.AsBytes(memory.AsSpan()), row);
        var vectors = row.Vectors is null ? null : new byte[VectorForms.ImageBytes];
        Read(vectors, row);
        var words = MemoryMarshal.Cast<byte, ulong>(result);
        var halves = MemoryMarshal.Cast<byte, ushort>(result);
        var outcome = new Outcome
        {
            Exit = ExitOf(result),
            Rip = words[17],
            Rflags = words[18],
            FsBase = words[OracleWire.FsBase / 8],
            GsBase = words[OracleWire.GsBase / 8],
            Cs = halves[OracleWire.CodeSegment / 2],
            Ss = halves[OracleWire.StackSegment / 2],
            Ds = halves[OracleWire.Segments / 2],
            Es = halves[OracleWire.Segments / 2 + 1],
            Fs = halves[OracleWire.Segments / 2 + 2],
            Gs = halves[OracleWire.Segments / 2 + 3],
            Memory = memory,
            Vectors = vectors,
        };
        for (var i = 0; i < 16; i++)
            outcome.General[OracleWire.RegisterOrder[i]] = words[1 + i];
        return outcome;
    }

    private static CpuExit ExitOf(ReadOnlySpan<byte> result)
    {
        if (result[0] == SigSys)
            return CpuExit.Syscall;
        var vector = result[OracleWire.TrapNumber];
        var error = ExceptionVector.HasErrorCode(vector) ? MemoryMarshal.Read<uint>(result[OracleWire.ErrorCode..]) : 0;
        return vector == ExceptionVector.PageFault
            ? CpuExit.PageFault(MemoryMarshal.Read<ulong>(result[OracleWire.FaultAddress..]), error)
            : CpuExit.Exception(vector, error);
    }

    private void Read(Span<byte> to, Row row)
    {
        try
        {
            _results.ReadExactly(to);
        }
        catch (EndOfStreamException)
        {
            _child.WaitForExit();
            throw new InvalidOperationException($"The oracle died (exit code {_child.ExitCode}) in the batch of {row.Form}.");
        }
    }

    public void Dispose()
    {
        _child.StandardInput.Close();
        if (!_child.WaitForExit(Patience))
            _child.Kill();
        _child.Dispose();
        File.Delete(_path);
    }
}
