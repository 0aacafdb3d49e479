using NUnit.Framework;
using Pv.Abi;
using Pv.Backends.Storage;

namespace Pv.Tests.Backends;

[TestFixture]
public sealed class FileStorageTests
{
    private const int Size = 1 << 20;

    private string _path = "";
    private byte[] _content = [];

    [SetUp]
    public void Make()
    {
        _path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"disk-{TestContext.CurrentContext.Test.ID}.img");
        _content = new byte[Size + 100];
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
    }

    [TearDown]
    public void Remove() => File.Delete(_path);

    [Test]
    public async Task Its_length_is_in_whole_sectors()
    {
        await using var storage = FileStorage.Open(_path, isReadOnly: true);

        Assert.That((storage.Capacity, storage.LogicalSectorSize, storage.PhysicalSectorSize), Is.EqualTo(((long)Size, 512, 4096)));
        Assert.That((storage.IsReadOnly, storage.Features.HasFlag(BlockFeatures.Discard)), Is.EqualTo((true, false)));
    }

    [Test]
    public async Task A_batch_reads_into_scattered_memory([Values(1, 40)] int transfers)
    {
        await using var storage = FileStorage.Open(_path, isReadOnly: true);
        var random = new Random(transfers);
        var batch = Enumerable.Range(0, transfers).Select(_ =>
        {
            var transfer = new ScatteredTransfer(random.Next(1, 4)) { Action = BlockAction.Read, Offset = random.Next(Size / 512 - 64) * 512L };
            transfer.Attach();
            return transfer;
        }).ToArray();

        storage.Submit(batch);

        foreach (var transfer in batch)
        {
            Assert.That(await transfer.Done, Is.EqualTo(Errno.None));
            Assert.That(transfer.Gathered, Is.EqualTo(_content[(int)transfer.Offset..(int)(transfer.Offset + transfer.Length)]));
        }
    }

    [Test]
    public async Task Writes_go_where_they_belong([Values] bool forceUnitAccess)
    {
        await using (var storage = FileStorage.Open(_path, isReadOnly: false))
        {
            var write = new ScatteredTransfer(3) { Action = BlockAction.Write, Offset = 4096 * 5 + 512, ForceUnitAccess = forceUnitAccess };
            write.Attach();
            new Random(7).NextBytes(write.Memory);
            storage.Submit([write]);
            Assert.That(await write.Done, Is.EqualTo(Errno.None));
            var flush = new ScatteredTransfer(0) { Action = BlockAction.Flush };
            storage.Submit([flush]);
            Assert.That(await flush.Done, Is.EqualTo(Errno.None));
            write.Gathered.CopyTo(_content.AsSpan((int)write.Offset));
        }

        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(_content));
    }

    [Test]
    public async Task What_is_discarded_reads_as_zero()
    {
        await using var storage = FileStorage.Open(_path, isReadOnly: false);
        var discard = new ScatteredTransfer(0) { Action = BlockAction.Discard, Offset = 8192, Length = 4096 };

        storage.Submit([discard]);

        var error = await discard.Done;
        Assume.That(error, Is.Not.EqualTo(Errno.EOPNOTSUPP), "the file system of the tests has no holes");
        Assert.That(error, Is.EqualTo(Errno.None));
        _content.AsSpan(8192, 4096).Clear();
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(_content));
    }

    [Test]
    public async Task A_medium_that_became_shorter_is_an_error_and_its_length_is_seen_when_asked()
    {
        var reports = new List<string>();
        await using var storage = FileStorage.Open(_path, isReadOnly: false, report: reports.Add);
        using (var file = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(8192);
        var read = new ScatteredTransfer(1) { Action = BlockAction.Read, Offset = 65536 };
        read.Attach();

        storage.Submit([read]);

        Assert.That(await read.Done, Is.EqualTo(Errno.EIO));
        Assert.That(reports, Has.Count.EqualTo(1).And.All.StartsWith($"{_path}: a read of ").And.All.Contains(" failed: "));
        Assert.That((storage.RefreshCapacity(), storage.Capacity, storage.RefreshCapacity()), Is.EqualTo((true, 8192L, false)));
    }

    [Test]
    public void What_cannot_be_opened_is_said_in_one_sentence()
    {
        Assert.That(() => FileStorage.Open(_path + ".none", true), Throws.TypeOf<StorageException>().With.Message.EqualTo($"{_path}.none does not exist"));
        Assert.That(() => FileStorage.Open(Path.GetDirectoryName(_path)!, true), Throws.TypeOf<StorageException>().With.Message.EndsWith("is a directory"));
        if (OperatingSystem.IsLinux())
            Assert.That(() => FileStorage.Open("/dev/zero", true), Throws.TypeOf<StorageException>().With.Message.EqualTo("/dev/zero is neither a file nor a block device"));
    }
}
