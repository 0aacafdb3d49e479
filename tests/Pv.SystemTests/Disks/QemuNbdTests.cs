using System.Collections.Concurrent;
using NUnit.Framework;
using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Backends.Storage.Images;
using Pv.Backends.Storage.Nbd;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;

namespace Pv.SystemTests.Disks;

/// <summary>Debian's qemu-nbd behind our client of NBD: every format that qemu-img makes, and every way it can end.</summary>
[TestFixture, NonParallelizable]
public sealed class QemuNbdTests
{
    private const int Size = 8 << 20;

    private readonly ConcurrentQueue<string> _reports = new();
    private string _folder = "";
    private string? _path;

    [SetUp]
    public void Prepare()
    {
        _folder = Directory.CreateTempSubdirectory("pv-qemu-nbd-").FullName;
        _path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", DebianPrograms.Qemu.SearchPath);
        _reports.Clear();
    }

    [TearDown]
    public void CleanUp()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase(ImageFormat.Qcow2), TestCase(ImageFormat.Qcow), TestCase(ImageFormat.Qed), TestCase(ImageFormat.Vhd), TestCase(ImageFormat.Vmdk)]
    public async Task What_is_written_is_in_the_image(ImageFormat format)
    {
        var image = Make(format);
        var expected = new byte[Size];
        await using (var storage = await OpenAsync(image, format))
        {
            Assert.That(storage.Capacity, Is.GreaterThanOrEqualTo(Size), "a VHD is rounded up to what its geometry can say");
            Assert.That(storage.Features.HasFlag(BlockFeatures.Flush | BlockFeatures.ForceUnitAccess), storage.Features.ToString());
            await FillAsync(storage, expected, 40, (int)format);
            await FlushAsync(storage);
        }

        var raw = Path.Combine(_folder, "raw");
        DebianPrograms.Qemu.Output("qemu-img", "convert", "-f", QemuName(format), "-O", "raw", image, raw);
        Assert.That((await File.ReadAllBytesAsync(raw)).AsSpan(0, Size).SequenceEqual(expected));
        Assert.That(Directory.GetFiles(_folder), Is.EquivalentTo(new[] { image, raw }), "the socket went with its server");
    }

    [Test]
    public async Task An_image_is_read_through_its_backing_file_which_stays_as_it_is()
    {
        var below = Make(ImageFormat.Qcow2);
        var expected = new byte[Size];
        await using (var storage = await OpenAsync(below, ImageFormat.Qcow2))
            await FillAsync(storage, expected, 40, 1);
        var before = await File.ReadAllBytesAsync(below);
        var above = Path.Combine(_folder, "above.qcow2");
        DebianPrograms.Qemu.Output("qemu-img", "create", "-q", "-f", "qcow2", "-b", Path.GetFileName(below), "-F", "qcow2", above);

        await using (var storage = await OpenAsync(above, ImageFormat.Qcow2))
        {
            Assert.That(await ReadAsync(storage), Is.EqualTo(expected));
            await FillAsync(storage, expected, 10, 2);
            Assert.That(await ReadAsync(storage), Is.EqualTo(expected));
        }

        Assert.That(await File.ReadAllBytesAsync(below), Is.EqualTo(before));
    }

    [Test]
    public async Task A_read_only_disk_is_shared_and_stays_as_it_is()
    {
        var image = Make(ImageFormat.Qcow2);
        var before = await File.ReadAllBytesAsync(image);
        await using (var one = await OpenAsync(image, ImageFormat.Qcow2, isReadOnly: true))
        await using (var two = await OpenAsync(image, ImageFormat.Qcow2, isReadOnly: true))
        {
            Assert.That((one.IsReadOnly, one.Features.HasFlag(BlockFeatures.Discard)), Is.EqualTo((true, false)));
            Assert.That(await ReadAsync(two), Is.EqualTo(new byte[Size]));
        }
        Assert.That(await File.ReadAllBytesAsync(image), Is.EqualTo(before));
    }

    [Test]
    public async Task What_is_discarded_is_given_back_to_the_host()
    {
        var image = Make(ImageFormat.Qcow2);
        var expected = new byte[Size];
        new Random(1).NextBytes(expected);
        await using var storage = await OpenAsync(image, ImageFormat.Qcow2);
        await WriteAsync(storage, 0, expected);
        await FlushAsync(storage);
        var full = Blocks(image);

        var discard = new PinnedTransfer(0) { Action = BlockAction.Discard, Offset = 1 << 20, Length = 6 << 20 };
        Assert.That(await discard.RunAsync(storage), Is.EqualTo(Errno.None));
        await FlushAsync(storage);

        expected.AsSpan(1 << 20, 6 << 20).Clear();
        Assert.That(await ReadAsync(storage), Is.EqualTo(expected));
        Assert.That(full - Blocks(image), Is.GreaterThan(5 << 20), "bytes of the file that were given back");
    }

    [Test]
    public async Task A_server_that_is_killed_is_started_again_and_the_lost_writes_are_told()
    {
        var image = Make(ImageFormat.Qcow2);
        await using var storage = await OpenAsync(image, ImageFormat.Qcow2);
        var bytes = new byte[4096];
        new Random(1).NextBytes(bytes);
        await WriteAsync(storage, 0, bytes);
        await FlushAsync(storage);
        await WriteAsync(storage, 1 << 20, bytes);

        foreach (var server in Processes.WithArgument(image))
            Command.Run("kill", ["-9", $"{server}"], "/");

        while (await new PinnedTransfer(4096) { Action = BlockAction.Read }.RunAsync(storage) != Errno.None)
            await Task.Delay(5);
        Assert.That(await new PinnedTransfer(0) { Action = BlockAction.Flush }.RunAsync(storage), Is.EqualTo(Errno.EIO));
        await FlushAsync(storage);
        Assert.That((await ReadAsync(storage))[..4096], Is.EqualTo(bytes));
        await PvHost.UntilAsync(() => Task.FromResult(_reports.Any(report => report.EndsWith("connected again", StringComparison.Ordinal))), () => string.Join('\n', _reports));
    }

    [Test]
    public async Task An_image_in_use_and_one_that_is_none_are_refused_in_words()
    {
        var image = Make(ImageFormat.Qcow2);
        await using var first = await OpenAsync(image, ImageFormat.Qcow2);
        Assert.That(async () => await OpenAsync(image, ImageFormat.Qcow2), Throws.TypeOf<StorageException>().With.Message.StartsWith($"{image} cannot be opened: ").And.Message.Contains("lock"));

        var nothing = Path.Combine(_folder, "nothing");
        Assert.That(async () => await OpenAsync(nothing, ImageFormat.Qcow2), Throws.TypeOf<StorageException>().With.Message.Contains("No such file"));
        await File.WriteAllBytesAsync(nothing, new byte[4096]);
        Assert.That(async () => await OpenAsync(nothing, ImageFormat.Qcow2), Throws.TypeOf<StorageException>().With.Message.Contains("not in qcow2 format"));
    }

    [Test]
    public void Without_qemu_nbd_it_says_what_to_install()
    {
        Environment.SetEnvironmentVariable("PATH", _folder);
        Assert.That(async () => await OpenAsync("/x.qcow2", ImageFormat.Qcow2),
            Throws.TypeOf<StorageException>().With.Message.EqualTo("/x.qcow2 is opened by qemu-nbd, which is not installed here: install qemu-utils"));
    }

    private Task<NbdStorage> OpenAsync(string image, ImageFormat format, bool isReadOnly = false)
        => QemuNbd.OpenAsync(new DiskImage(image, format, isReadOnly, Discards: true), Path.Combine(_folder, $"{Guid.NewGuid():N}.socket"), _reports.Enqueue);

    private string Make(ImageFormat format)
    {
        var path = Path.Combine(_folder, $"disk.{format}".ToLowerInvariant());
        DebianPrograms.Qemu.Output("qemu-img", "create", "-q", "-f", QemuName(format), path, $"{Size}");
        return path;
    }

    private static string QemuName(ImageFormat format) => format == ImageFormat.Vhd ? "vpc" : format.ToString().ToLowerInvariant();

    private static async Task FillAsync(NbdStorage storage, byte[] expected, int writes, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < writes; i++)
        {
            var bytes = new byte[random.Next(1, 256) * 512];
            random.NextBytes(bytes);
            var offset = random.Next((Size - bytes.Length) / 512) * 512;
            bytes.CopyTo(expected, offset);
            await WriteAsync(storage, offset, bytes);
        }
    }

    private static async Task WriteAsync(NbdStorage storage, int offset, byte[] bytes)
    {
        var write = new PinnedTransfer(bytes.Length) { Action = BlockAction.Write, Offset = offset };
        bytes.CopyTo(write.Memory, 0);
        Assert.That(await write.RunAsync(storage), Is.EqualTo(Errno.None));
    }

    private static async Task FlushAsync(NbdStorage storage)
        => Assert.That(await new PinnedTransfer(0) { Action = BlockAction.Flush }.RunAsync(storage), Is.EqualTo(Errno.None));

    private static async Task<byte[]> ReadAsync(NbdStorage storage)
    {
        var read = new PinnedTransfer(Size) { Action = BlockAction.Read };
        Assert.That(await read.RunAsync(storage), Is.EqualTo(Errno.None));
        return read.Memory;
    }

    private static long Blocks(string file) => long.Parse(Command.Run("stat", ["-c", "%b", file], "/").Output, System.Globalization.CultureInfo.InvariantCulture) * 512;

    private sealed class PinnedTransfer : BlockTransfer
    {
        private readonly TaskCompletionSource<Errno> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public PinnedTransfer(int length) : base(1)
        {
            Memory = GC.AllocateArray<byte>(length, pinned: true);
            if (length > 0)
                Add(Pv.Machine.HostVector.OfPinned(Memory));
        }

        public byte[] Memory { get; }

        public Task<Errno> RunAsync(IBlockStorage storage)
        {
            BlockTransfer transfer = this;
            storage.Submit(new ReadOnlySpan<BlockTransfer>(in transfer));
            return _done.Task.WaitAsync(Session.Patience);
        }

        public override void Complete(Errno error) => _done.SetResult(error);
    }
}
