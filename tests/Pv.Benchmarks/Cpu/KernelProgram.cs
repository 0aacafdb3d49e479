using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace Pv.Benchmarks.Cpu;

/// <summary>A kernel compiled from C at run time: its file, and the time and result of running it natively.</summary>
internal sealed class KernelProgram : IDisposable
{
    private const string Options = "-O2 -nostdlib -static -ffreestanding -mgeneral-regs-only -fno-tree-loop-distribute-patterns "
        + "-fno-stack-protector -fcf-protection=none -no-pie -fno-pie";

    private readonly string _path;

    private KernelProgram(string name, string path)
    {
        Name = name;
        _path = path;
        Image = File.ReadAllBytes(path);
    }

    public string Name { get; }

    /// <summary>The ELF file.</summary>
    public byte[] Image { get; }

    public static KernelProgram Compile(string source)
    {
        var path = Path.Combine(Path.GetTempPath(), $"pv-kernel-{Environment.ProcessId}-{Path.GetFileNameWithoutExtension(source)}");
        using var compiler = Process.Start("gcc", $"{Options} -o {path} {source}");
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
            throw new InvalidOperationException($"gcc could not compile {source}.");
        return new KernelProgram(Path.GetFileNameWithoutExtension(source), path);
    }

    public KernelResult RunNatively()
    {
        using var process = Process.Start(new ProcessStartInfo(_path) { RedirectStandardOutput = true })!;
        var line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return KernelResult.Parse(line);
    }

    /// <summary>The loadable segments: linear address, file bytes, size in memory.</summary>
    public IEnumerable<(ulong Address, Memory<byte> Bytes, ulong Size)> Segments()
    {
        var headers = (int)BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(32));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(Image.AsSpan(56));
        for (var i = 0; i < count; i++)
        {
            var header = headers + (56 * i);
            if (BinaryPrimitives.ReadUInt32LittleEndian(Image.AsSpan(header)) != 1)
                continue;
            var offset = (int)BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(header + 8));
            var address = BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(header + 16));
            var fileSize = (int)BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(header + 32));
            var size = BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(header + 40));
            yield return (address, Image.AsMemory(offset, fileSize), size);
        }
    }

    public ulong Entry => BinaryPrimitives.ReadUInt64LittleEndian(Image.AsSpan(24));

    public void Dispose() => File.Delete(_path);
}

/// <summary>What a kernel printed.</summary>
internal readonly record struct KernelResult(ulong Result, ulong Nanoseconds)
{
    public static KernelResult Parse(string line) => new(
        ulong.Parse(line.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        ulong.Parse(line.AsSpan(17, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
