using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// memory_op.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] MemoryRules =
    [
        new(8, grammar => grammar.Reservation()), new(3, grammar => grammar.Exchange()), new(3, grammar => grammar.AskMemory()), new(2, grammar => grammar.MemoryMaps()),
        new(3, grammar => grammar.AddToPhysicalMap()), new(2, grammar => grammar.RemoveFromPhysicalMap()), new(2, grammar => grammar.AddBatch()),
        new(1, grammar => grammar.Resource()), new(1, grammar => grammar.MemoryOdds()),
    ];

    private void Memory(MemoryOperation operation, ulong address, Lesson learn = Lesson.Nothing, int at = 0, int which = 0, bool simple = true)
        => Call(FuzzLabels.Memory[(int)operation & 63], learn, at, which, HypercallNumber.MemoryOp, (ulong)operation | (_dice.OneIn(60) ? Odd() << 6 : 0), address, simple: simple);

    private void Reservation()
    {
        const int list = 0x40;
        var operation = _dice.Of(MemoryOperation.DecreaseReservation, MemoryOperation.DecreaseReservation, MemoryOperation.PopulatePhysmap, MemoryOperation.PopulatePhysmap, MemoryOperation.IncreaseReservation);
        var count = 1 + _dice.Below(3);
        var which = IsTrusted ? 0 : _dice.Below(_self!.Frames.Length);
        for (var i = 0; i < count; i++)
        {
            // What was given up is populated again, under its number where frames have one of their own.
            var frame = IsTrusted || _dice.OneIn(8) ? Frame(FrameUse.Data) : _self!.Frames[(which + i) % _self.Frames.Length];
            Image(list + i * 8, operation == MemoryOperation.DecreaseReservation || IsManaged ? frame.Value : (ulong)_dice.Below(64));
        }
        var address = Put(0, new MemoryReservation
        {
            ExtentStart = _dice.OneIn(40) && !IsTrusted ? 0 : Where(list),
            ExtentCount = IsTrusted ? (ulong)count : _dice.OneIn(20) ? Count() : (ulong)count,
            ExtentOrder = _dice.OneIn(14) ? _dice.Of(1u, 2u, 9u, 10u, 18u, 64u, uint.MaxValue) : 0,
            Flags = _dice.OneIn(12) ? _dice.Of(20u, 32u, 44u, 64u, 0x100u, 0x200u, MemoryFlags.PopulateOnDemand, MemoryFlags.ExactNode | 0x100, MemoryFlags.ExactNode | 0x500, (uint)Odd()) : 0,
            Domain = IsTrusted ? Other().Domain.Id : Self(),
        });
        Memory(operation, address, operation == MemoryOperation.DecreaseReservation || IsManaged ? Lesson.Nothing : Lesson.NewFrames, list, which);
    }

    private void Exchange()
    {
        const int given = 0x60, taken = 0xc0;
        var (inOrder, outOrder) = (_dice.OneIn(3) ? (uint)_dice.Below(3) : 0, _dice.OneIn(3) ? (uint)_dice.Below(3) : 0);
        var units = 1 << (int)Math.Max(inOrder, outOrder);
        var which = IsTrusted ? 0 : _dice.Below(_self!.Frames.Length);
        for (var i = 0; i < units && i < 8; i++)
            Image(given + i * 8, IsTrusted ? (ulong)i : _self!.Frames[(which + i) % _self.Frames.Length].Value);
        var domain = Self();
        var address = Put(0, new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = Where(given), ExtentCount = _dice.OneIn(20) ? Count() : (ulong)(units >> (int)inOrder), ExtentOrder = _dice.OneIn(30) ? (uint)Odd() : inOrder, Domain = domain },
            Out = new MemoryReservation { ExtentStart = Where(taken), ExtentCount = _dice.OneIn(20) ? Count() : (ulong)(units >> (int)outOrder), ExtentOrder = _dice.OneIn(30) ? (uint)Odd() : outOrder, Domain = _dice.OneIn(20) ? Domain() : domain },
            ExchangedCount = _dice.OneIn(12) ? Odd() : 0,
        });
        Memory(MemoryOperation.Exchange, address, inOrder == 0 && outOrder == 0 ? Lesson.NewFrames : Lesson.Nothing, taken, which, simple: false);
    }

    private void AskMemory()
    {
        var operation = _dice.Of(MemoryOperation.MaximumRamPage, MemoryOperation.CurrentReservation, MemoryOperation.MaximumReservation, MemoryOperation.MaximumGpfn);
        Memory(operation, Put(0, new MemoryDomain { Domain = Self() }));
    }

    private void MemoryMaps()
    {
        switch (_dice.Below(4))
        {
            case 0:
                Memory(MemoryOperation.MachphysMapping, Where(0));
                break;
            case 1:
                Memory(MemoryOperation.MachphysMfnList, Put(0, new MachinePhysicalMfnList { MaxExtents = (uint)Count(), ExtentStart = Where(0x40) }));
                break;
            case 2:
                Memory(MemoryOperation.MemoryMap, Put(0, new MemoryMap { EntryCount = (uint)Count(), Buffer = Where(0x40) }));
                break;
            default:
                Image(0x40 + 8, Odd());
                Memory(MemoryOperation.SetMemoryMap, Put(0, new ForeignMemoryMap { Domain = Self(), Map = new MemoryMap { EntryCount = (uint)_dice.Of(0, 1, 2, -1), Buffer = Where(0x40) } }));
                break;
        }
    }

    private Pfn NewPfn() => new(_dice.OneIn(12) ? Odd() : (ulong)(400 + _dice.Below(40)));

    private void AddToPhysicalMap() => Memory(MemoryOperation.AddToPhysmap, Put(0, new AddToPhysmap
    {
        Domain = Self(), Size = (ushort)_dice.Below(3), Space = (PhysmapSpace)_dice.Below(7), Index = _dice.OneIn(6) ? Odd() : (ulong)_dice.Below(4), Gpfn = NewPfn(),
    }), simple: false);

    private void RemoveFromPhysicalMap() => Memory(MemoryOperation.RemoveFromPhysmap, Put(0, new RemoveFromPhysmap
    {
        Domain = Self(), Gpfn = _dice.OneIn(3) ? new Pfn(Frame(FrameUse.Data).Value) : _dice.OneIn(4) ? new Pfn(300 + (ulong)_dice.Below(60)) : NewPfn(),
    }));

    private void AddBatch()
    {
        const int indices = 0x40, gpfns = 0x80, errors = 0xc0;
        var count = _dice.Below(5);
        for (var i = 0; i < count; i++)
        {
            Image(indices + i * 8, _dice.OneIn(3) ? Frame(FrameUse.Data).Value : (ulong)_dice.Below(4));
            Image(gpfns + i * 8, NewPfn());
        }
        Image(errors + 32, 0);
        Memory(MemoryOperation.AddToPhysmapBatch, Put(0, new AddToPhysmapBatch
        {
            Domain = Self(), Space = (ushort)_dice.Below(7), Size = (ushort)(_dice.OneIn(12) && !IsTrusted ? Odd() : (ulong)count),
            Extra = new AddToPhysmapBatchExtra { ForeignDomain = Domain() }, Indices = Where(indices), Gpfns = Where(gpfns), Errors = Where(errors),
        }), simple: false);
    }

    private void Resource()
    {
        const int list = 0x40;
        var count = (uint)_dice.Below(4);
        for (var i = 0; i < count; i++)
            Image(list + i * 8, NewPfn());
        Memory(MemoryOperation.AcquireResource, Put(0, new AcquireResource
        {
            Domain = IsTrusted ? Other().Domain.Id : Domain(), Type = _dice.OneIn(3) ? (ResourceType)_dice.Below(4) : ResourceType.GrantTable, Id = _dice.OneIn(10) ? 1u : 0, FrameCount = count,
            Frame = _dice.OneIn(8) ? Odd() : (ulong)_dice.Below(3), FrameList = _dice.OneIn(6) ? 0 : Where(list),
        }), simple: false);
    }

    private void MemoryOdds()
    {
        if (IsTrusted)
        {
            AskMemory();
            return;
        }
        var operation = (MemoryOperation)_dice.Of(8, 10, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27, 29, 40, 63);
        Memory(operation, Put(0, Odd()));
    }
}
