using Pv.Abi;
using Pv.Hypervisor.Stepping;
using Pv.Tests.Core;

namespace Pv.Tests.Determinism;

/// <summary>Hypercalls of two guests, or of two vCPUs, that meet in the same objects. Each scene says what is wrong in the end: null for nothing.</summary>
internal static class RaceScenes
{
    private const uint Ref = 9;
    private const int Rounds = 3;

    /// <summary>One guest ends access to a page, whenever nobody uses it, and exchanges it; the other maps and unmaps it.</summary>
    public static string? GrantMapAgainstEndOfAccess(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var (granter, mapper) = (scene.AddGuest(), scene.AddGuest());
        var table = GrantTableOf(granter);
        var word = table.Address + Ref * sizeof(ulong);
        var offered = 0x1ul | (ulong)mapper.Domain.Id.Value << 16 | granter.Frames[1].Value << 32;
        scene.Machine.Core.Memory.At<ulong>(word) = offered;
        // Its own map of the page goes first, so that the offer is all that holds it.
        granter.Update(granter.Safe[7].Address + sizeof(ulong), 0);
        scene.Play("granter", () =>
        {
            for (var tries = 0; tries < 40; tries++)
            {
                if (Interlocked.CompareExchange(ref scene.Machine.Core.Memory.At<ulong>(word), 0, offered) == offered)
                {
                    Exchange(granter, granter.Frames[1]);
                    return;
                }
                // It is in use: others first, as a guest that waits would let them.
                granter.Call(HypercallNumber.XenVersion, 0);
            }
        });
        scene.Play("mapper", () =>
        {
            for (var round = 0; round < Rounds; round++)
                MapAndUnmap(scene, mapper, granter, keep: round == Rounds - 1);
        });
        return scene.Finish();
    }

    /// <summary>One guest exchanges a page for another; the other maps it meanwhile.</summary>
    public static string? ExchangeAgainstGrantMap(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var (granter, mapper) = (scene.AddGuest(), scene.AddGuest());
        var table = GrantTableOf(granter);
        scene.Machine.Core.Memory.At<ulong>(table.Address + Ref * sizeof(ulong)) = 0x1ul | (ulong)mapper.Domain.Id.Value << 16 | granter.Frames[1].Value << 32;
        granter.Update(granter.Safe[7].Address + sizeof(ulong), 0);
        scene.Play("granter", () => Exchange(granter, granter.Frames[1]));
        scene.Play("mapper", () =>
        {
            for (var round = 0; round < Rounds; round++)
                MapAndUnmap(scene, mapper, granter, keep: round == Rounds - 1);
        });
        return scene.Finish();
    }

    /// <summary>Two vCPUs unmap the same grant, and map it again.</summary>
    public static string? TwoUnmapsOfOneGrant(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var (granter, mapper) = (scene.AddGuest(), scene.AddGuest());
        scene.Machine.Core.Memory.At<ulong>(GrantTableOf(granter).Address + Ref * sizeof(ulong))
            = 0x1ul | (ulong)mapper.Domain.Id.Value << 16 | granter.Frames[1].Value << 32;
        var unmapped = new List<uint>();
        for (var vcpu = 0; vcpu < 2; vcpu++)
        {
            var own = new SteppedCaller(scene, mapper, vcpu);
            scene.Play($"mapper{vcpu}", () =>
            {
                for (var round = 0; round < Rounds; round++)
                {
                    var map = MapAt(own, mapper, granter);
                    if (map.Status == GrantStatus.Okay)
                        scene.Model.Grants.Add(new HeldGrant(mapper.Domain.Id, granter.Domain.Id, Ref, false, granter.Frames[1], map.Handle, map.HostAddress));
                    // Either's handle, whoever made it.
                    var unmap = own.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef,
                        new GrantTableUnmapGrantRef { HostAddress = map.HostAddress, Handle = (uint)(round & 1) }, 1);
                    if (unmap.Status == GrantStatus.Okay)
                        unmapped.Add(unmap.Handle);
                }
            });
        }
        return scene.Finish(() => unmapped.ForEach(handle => scene.Model.Grants.Remove(scene.Model.Grants.First(grant => grant.Handle == handle))));

        static GrantTableMapGrantRef MapAt(SteppedCaller caller, TestGuest mapper, TestGuest granter)
            => caller.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, new GrantTableMapGrantRef
            {
                HostAddress = mapper.Safe[3].Address + 100 * sizeof(ulong), Flags = GrantMapFlags.HostMap | GrantMapFlags.ContainsPte,
                Ref = new GrantRef(Ref), Domain = granter.Domain.Id,
            }, 1);
    }

    /// <summary>One guest binds, signals and closes; the other offers, signals and closes.</summary>
    public static string? EventBindAgainstClose(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        TestGuest[] guests = [scene.AddGuest(), scene.AddGuest()];
        var offered = new EventPort[4];
        for (var i = 0; i < offered.Length; i++)
            offered[i] = Allocate(guests[0], guests[1]);
        scene.Play("offers", () =>
        {
            foreach (var port in offered)
            {
                Send(guests[0], port);
                Close(guests[0], port);
                Allocate(guests[0], guests[1]);
            }
        });
        for (var vcpu = 0; vcpu < 2; vcpu++)
        {
            var own = new SteppedCaller(scene, guests[1], vcpu);
            scene.Play($"binds{vcpu}", () =>
            {
                foreach (var port in offered)
                {
                    var bind = own.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain,
                        new EventChannelBindInterdomain { RemoteDomain = guests[0].Domain.Id, RemotePort = port }, 0);
                    own.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, new EventChannelSend { Port = bind.LocalPort }, 0);
                    own.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Close, new EventChannelClose { Port = new EventPort(1 + port.Value % 3) }, 0);
                }
            });
        }
        return scene.Finish();

        static EventPort Allocate(TestGuest guest, TestGuest remote)
        {
            guest.Put(0, new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = remote.Domain.Id });
            guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound);
            return guest.Get<EventChannelAllocUnbound>(0).Port;
        }

        static void Send(TestGuest guest, EventPort port)
            => guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, guest.Put(0x100, new EventChannelSend { Port = port }));

        static void Close(TestGuest guest, EventPort port)
            => guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Close, guest.Put(0x100, new EventChannelClose { Port = port }));
    }

    /// <summary>Two vCPUs make page tables of the same frames, map them and unmap them.</summary>
    public static string? TwoVcpusOnSharedTables(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest(6);
        for (var vcpu = 0; vcpu < 2; vcpu++)
        {
            var own = new SteppedCaller(scene, guest, vcpu);
            var dice = new Dice(stepper.Seed << 1 | (uint)vcpu);
            scene.Play($"vcpu{vcpu}", () =>
            {
                for (var step = 0; step < 12; step++)
                {
                    var frame = guest.Frames[2 + dice.Below(4)];
                    switch (dice.Below(4))
                    {
                        case 0:
                            own.Call(HypercallNumber.MmuExtOp, new MmuExt { Operation = MmuExtOperation.PinL1Table, Argument1 = frame.Value }, 1, 0, DomId.Self.Value);
                            break;
                        case 1:
                            own.Call(HypercallNumber.MmuExtOp, new MmuExt { Operation = MmuExtOperation.UnpinTable, Argument1 = frame.Value }, 1, 0, DomId.Self.Value);
                            break;
                        default:
                            var entry = guest.Safe[7].Address + (ulong)(2 + dice.Below(4)) * sizeof(ulong);
                            var value = dice.OneIn(3) ? 0 : frame.Address | TestGuest.PresentUser | (dice.OneIn(2) ? TestGuest.Writable : 0);
                            own.Call(HypercallNumber.MmuUpdate, new MmuUpdate { Pointer = entry, Value = value }, 1, 0, DomId.Self.Value);
                            break;
                    }
                }
            });
        }
        return scene.Finish();
    }

    /// <summary>A vCPU's call answers into a page that its neighbour gives away meanwhile, to whoever gets it next.</summary>
    public static string? ExchangeAgainstCopyOut(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest();
        scene.Play("asks", () =>
        {
            for (var round = 0; round < 6; round++)
                guest.Call(guest.Victim, HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, TestGuest.AddressOf(1));
        });
        scene.Play("gives", () =>
        {
            guest.Update(guest.Safe[7].Address + sizeof(ulong), 0);
            Exchange(guest, guest.Frames[1]);
        });
        return scene.Finish();
    }

    /// <summary>Dom0 destroys a guest in the midst of its calls, and of another's that concern it.</summary>
    public static string? DestructionAgainstMapsAndBinds(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var (granter, mapper) = (scene.AddGuest(), scene.AddGuest());
        scene.Machine.Core.Memory.At<ulong>(GrantTableOf(granter).Address + Ref * sizeof(ulong))
            = 0x1ul | (ulong)mapper.Domain.Id.Value << 16 | granter.Frames[1].Value << 32;
        scene.Play("mapper", () =>
        {
            for (var round = 0; round < Rounds; round++)
                MapAndUnmap(scene, mapper, granter, keep: false);
        });
        scene.Play("dom0", () => scene.Machine.Destroy(granter.Domain));
        return scene.Finish();
    }

    private static Mfn GrantTableOf(TestGuest guest)
    {
        var setup = new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress };
        guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, guest.Put(0, setup), 1);
        return new Mfn(guest.Get<ulong>(TestGuest.FrameListAddress));
    }

    private static void MapAndUnmap(SteppedScene scene, TestGuest mapper, TestGuest granter, bool keep)
    {
        var map = new GrantTableMapGrantRef
        {
            HostAddress = mapper.Safe[3].Address + 100 * sizeof(ulong), Flags = GrantMapFlags.HostMap | GrantMapFlags.ContainsPte,
            Ref = new GrantRef(Ref), Domain = granter.Domain.Id,
        };
        mapper.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, mapper.Put(0, map), 1);
        map = mapper.Get<GrantTableMapGrantRef>(0);
        if (map.Status != GrantStatus.Okay)
            return;
        if (keep)
        {
            scene.Model.Grants.Add(new HeldGrant(mapper.Domain.Id, granter.Domain.Id, Ref, false, Mfn.OfAddress(map.DevBusAddress), map.Handle, map.HostAddress));
            return;
        }
        mapper.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef,
            mapper.Put(0, new GrantTableUnmapGrantRef { HostAddress = map.HostAddress, Handle = map.Handle }), 1);
    }

    /// <summary>Gives a frame for another one.</summary>
    public static void Exchange(TestGuest guest, Mfn frame)
    {
        guest.Put(TestGuest.FrameListAddress, frame.Value);
        guest.Put(TestGuest.FrameListAddress + sizeof(ulong), 77ul);
        var exchange = new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = TestGuest.FrameListAddress, ExtentCount = 1, Domain = DomId.Self },
            Out = new MemoryReservation { ExtentStart = TestGuest.FrameListAddress + sizeof(ulong), ExtentCount = 1, Domain = DomId.Self },
        };
        guest.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.Exchange, guest.Put(0, exchange));
    }
}
