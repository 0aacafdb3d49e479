using System.Runtime.CompilerServices;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class SharedInfoLayoutTests
{
    [Test]
    public void Offsets_are_those_of_the_structs()
    {
        var shared = default(SharedInfo);
        var vcpu = default(VcpuInfo);
        Assert.Multiple(() =>
        {
            Assert.That(SharedInfoLayout.UpcallPending, Is.EqualTo(Offset(ref vcpu, ref vcpu.UpcallPending)));
            Assert.That(SharedInfoLayout.UpcallMask, Is.EqualTo(Offset(ref vcpu, ref vcpu.UpcallMask)));
            Assert.That(SharedInfoLayout.PendingSelector, Is.EqualTo(Offset(ref vcpu, ref vcpu.PendingSelector)));
            Assert.That(SharedInfoLayout.Time, Is.EqualTo(Offset(ref vcpu, ref vcpu.Time)));
            Assert.That(SharedInfoLayout.Pending, Is.EqualTo(Offset(ref shared, ref shared.Pending)));
            Assert.That(SharedInfoLayout.Mask, Is.EqualTo(Offset(ref shared, ref shared.Mask)));
            Assert.That(SharedInfoLayout.WallClockVersion, Is.EqualTo(Offset(ref shared, ref shared.WallClockVersion)));
            Assert.That(SharedInfoLayout.WallClockSeconds, Is.EqualTo(Offset(ref shared, ref shared.WallClockSeconds)));
            Assert.That(SharedInfoLayout.WallClockNanoseconds, Is.EqualTo(Offset(ref shared, ref shared.WallClockNanoseconds)));
            Assert.That(SharedInfoLayout.WallClockSecondsHigh, Is.EqualTo(Offset(ref shared, ref shared.WallClockSecondsHigh)));
        });
    }

    [Test]
    public void Byte_rings_stand_where_the_structs_say()
    {
        var console = default(ConsoleRing);
        var store = default(XenStoreRing);
        Assert.Multiple(() =>
        {
            Assert.That(ByteRingLayout.ConsoleIn, Is.EqualTo(new ByteRingLayout(
                Offset(ref console, ref console.In), Unsafe.SizeOf<Array1024<byte>>(),
                Offset(ref console, ref console.InConsumer), Offset(ref console, ref console.InProducer))));
            Assert.That(ByteRingLayout.ConsoleOut, Is.EqualTo(new ByteRingLayout(
                Offset(ref console, ref console.Out), Unsafe.SizeOf<Array2048<byte>>(),
                Offset(ref console, ref console.OutConsumer), Offset(ref console, ref console.OutProducer))));
            Assert.That(ByteRingLayout.XenStoreRequests, Is.EqualTo(new ByteRingLayout(
                Offset(ref store, ref store.Requests), Unsafe.SizeOf<Array1024<byte>>(),
                Offset(ref store, ref store.RequestConsumer), Offset(ref store, ref store.RequestProducer))));
            Assert.That(ByteRingLayout.XenStoreResponses, Is.EqualTo(new ByteRingLayout(
                Offset(ref store, ref store.Responses), Unsafe.SizeOf<Array1024<byte>>(),
                Offset(ref store, ref store.ResponseConsumer), Offset(ref store, ref store.ResponseProducer))));
        });
    }

    private static int Offset<TStruct, TField>(ref TStruct whole, ref TField field)
        => (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref whole), ref Unsafe.As<TField, byte>(ref field));
}
