using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Hypervisor;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// What must be so of vCPUs that run machine code while the machine stands still. Whatever a vCPU holds of translations leads to memory that its
/// domain may reach so: a frame that became a page table, or somebody else's, is forgotten. Free frames are as they were given back. Code that
/// is run by a vCPU reads, writes and executes what the tables say and what stands there now.
/// </summary>
internal sealed class StillMachine(HypervisorCore core, FuzzStatistics statistics)
{
    private const int Probes = 6, MostKicks = 8;

    private readonly List<HeldTranslation> _held = [];
    private readonly byte[] _program = new byte[32];

    /// <summary>The first thing that is wrong, or null.</summary>
    public string? Look(ReadOnlySpan<FuzzDomain> domains, ref Dice dice)
    {
        if (FirstDirtyFreeFrame() is { } dirty)
            return $"{dirty} is free and not as it was given back";
        foreach (var domain in domains)
        {
            foreach (var vcpu in domain.Domain.OnlineVcpus)
            {
                // One that has been told to forget does so before it runs again.
                if (vcpu.Engine is not WatchedVcpu { Inner: SoftwareVcpu engine } || !vcpu.IsInitialised)
                    continue;
                if (!vcpu.FlushIsPending && Translations(vcpu, engine) is { } stale)
                    return stale;
                if (Probe(vcpu, engine, ref dice) is { } wrong)
                    return wrong;
            }
        }
        return null;
    }

    private Mfn? FirstDirtyFreeFrame()
    {
        for (var frame = core.MachineToPhysical.ReservedFrames; frame < core.Memory.FrameCount; frame++)
        {
            if (core.Frames[new Mfn(frame)].Count == 0 && core.Memory.Words(new Mfn(frame)).ContainsAnyExcept(0ul))
                return new Mfn(frame);
        }
        return null;
    }

    /// <summary>Whether what a vCPU holds leads where its domain may go. Nobody is in the middle of changing that.</summary>
    public string? Translations(Vcpu vcpu, SoftwareVcpu engine)
    {
        _held.Clear();
        engine.CollectTranslations(_held);
        foreach (var held in _held)
        {
            statistics.Translations++;
            if (WhyNot(vcpu.Domain, held) is { } reason)
                return $"{vcpu} still reaches {held.Frame} at 0x{held.Address:x}{(held.Writes ? " for writing" : "")}, {reason}";
        }
        return null;
    }

    private string? WhyNot(Domain domain, in HeldTranslation held)
    {
        var frame = held.Frame;
        if (frame.Value >= core.Memory.FrameCount)
            return "which is none";
        if (frame.Value < core.MachineToPhysical.ReservedFrames)
            return held.Writes ? "which is the hypervisor's" : null;
        ref var row = ref core.Frames[frame];
        if (row.Count == 0)
            return "which is free";
        if (row.Owner != domain.Id && !domain.Grants.HasMapOf(frame))
            return $"which is {row.Owner}'s";
        if (held.Writes && core.PageTypes.Uses(frame) != 0 && core.PageTypes.TypeOf(frame) is not (FrameType.None or FrameType.Writable))
            return $"which is in use as {core.PageTypes.TypeOf(frame)}";
        return null;
    }

    /// <summary>Has the stopped vCPU's own engine run a few instructions, on registers that are not the guest's.</summary>
    private string? Probe(Vcpu vcpu, SoftwareVcpu engine, ref Dice dice)
    {
        var root = vcpu.Traps.KernelTable.Address;
        // The guest may have lost the code that stays, or put other code in its place.
        if (!PageWalker.TryWalk(core.Memory, root, CodeRuntime.Page, false, out var page) || !core.Memory.Frame(Mfn.OfAddress(page)).SequenceEqual(CodeRuntime.Code))
            return null;
        // What the guest forgot to flush it may see; from here on it sees what is.
        engine.FlushTlb();
        for (var i = 0; i < Probes; i++)
        {
            var address = AnyAddress(ref dice);
            if (Access(vcpu, engine, root, address, dice.OneIn(3), dice.Next()) is { } wrong)
                return wrong;
        }
        var answer = NewCode(vcpu, engine, root, ref dice);
        // A frame may be taken away while the machine is held to stand still: nothing is kept.
        engine.FlushTlb();
        return answer;
    }

    private static ulong AnyAddress(ref Dice dice) => dice.Below(8) switch
    {
        0 => CodeRuntime.Tables + (ulong)dice.Below(5 * PageSize.Bytes / 8) * 8,
        1 => (ulong)dice.Below(4 * PageSize.Bytes / 8) * 8,
        2 => XenVirtualMemory.MachineToPhysicalStart + (ulong)dice.Below(0x2000) * 8,
        _ => FuzzDomain.Playground + (ulong)dice.Below(FuzzDomain.PlaygroundSlots * PageSize.Bytes / 8) * 8,
    };

    /// <summary>A load, or a store of what stands there in other bits: it comes to the place that the tables name, or faults as they say.</summary>
    private string? Access(Vcpu vcpu, SoftwareVcpu engine, ulong root, ulong address, bool write, ulong value)
    {
        var may = PageWalker.TryWalk(core.Memory, root, address, write, out var machine);
        // Writing there would change what guests and hypervisor go by.
        if (may && write && core.Frames.IsXenFrame(Mfn.OfAddress(machine)))
            return null;
        var registers = Registers(root, write ? CodeRuntime.Store : CodeRuntime.Load);
        (registers.Rsi, registers.Rdi, registers.Rax) = (address, address, value);
        var exit = Run(engine, ref registers);
        var isDone = exit.Kind == CpuExitKind.Syscall && registers.Rip == (write ? CodeRuntime.BehindStore : CodeRuntime.BehindLoad);
        // Its own doing may have made another end of it: a stack that is none, a page that was lost on the way.
        if (!isDone && !(exit is { Kind: CpuExitKind.Exception, Vector: ExceptionVector.PageFault } && exit.FaultAddress == address))
            return null;
        statistics.Probes++;
        if (isDone != may)
            return $"{vcpu}: {(write ? "a store to" : "a load of")} 0x{address:x} {(isDone ? "is done, and the tables forbid it" : $"faults ({exit.ErrorCode}), and the tables allow it")}: {Entries(root, address)}";
        if (isDone && core.Memory.At<ulong>(machine) != registers.Rax)
            return $"{vcpu}: {(write ? "a store to" : "a load of")} 0x{address:x} is of 0x{registers.Rax:x}, and at 0x{machine:x} stands 0x{core.Memory.At<ulong>(machine):x}";
        return null;
    }

    /// <summary>The entries on the way to an address, from the top.</summary>
    private string Entries(ulong root, ulong address)
    {
        var (text, table) = ("", root);
        for (var level = 4; level >= 1; level--)
        {
            var entry = new PageTableEntry(core.Memory.At<ulong>(table + (address >> (PageSize.Shift + 9 * (level - 1)) & 511) * sizeof(ulong)));
            text += $" 0x{entry.Value:x}";
            if (!entry.IsPresent || entry.Frame.Value >= core.Memory.FrameCount)
                break;
            table = entry.Frame.Address;
        }
        return text;
    }

    /// <summary>The vCPU's own code copies other instructions over those that it ran last, and runs them.</summary>
    private string? NewCode(Vcpu vcpu, SoftwareVcpu engine, ulong root, ref Dice dice)
    {
        for (var i = 0; i < 2; i++)
        {
            var (first, second) = (dice.Next(), dice.Next());
            // mov rax, first; mov rbp, second; then the end of every program.
            ReadOnlySpan<byte> code = [0x48, 0xb8, .. BitConverter.GetBytes(first), 0x48, 0xbd, .. BitConverter.GetBytes(second), 0x41, 0xff, 0xe7];
            code.CopyTo(_program);
            if (!Hypervisor.Hypercalls.GuestAccess.OfKernel(vcpu).TryWrite(CodeRuntime.Letter, _program.AsSpan(0, code.Length)))
                return null;
            var registers = Registers(root, CodeRuntime.Start);
            var at = CodeRuntime.Program + (ulong)dice.Below(64);
            (registers.Rsi, registers.Rdi, registers.Rcx, registers.Rbx) = (CodeRuntime.Letter, at, (ulong)code.Length, at);
            registers.General[15] = CodeRuntime.HandOver;
            if (Run(engine, ref registers).Kind != CpuExitKind.Syscall || registers.Rip != CodeRuntime.BehindHandOver)
                return null;
            statistics.Probes++;
            if (registers.Rax != first || registers.General[5] != second)
                return $"{vcpu} ran other code at 0x{at:x} than stands there: 0x{registers.Rax:x} and 0x{registers.General[5]:x} instead of 0x{first:x} and 0x{second:x}";
        }
        return null;
    }

    private static GuestRegisters Registers(ulong root, ulong rip)
    {
        var registers = new GuestRegisters { Cr3 = root, Rip = rip, Rflags = 0x202, Cs = XenSegments.FlatCode64, Ss = XenSegments.FlatStack };
        registers.Rsp = CodeRuntime.StackTop;
        return registers;
    }

    private static CpuExit Run(SoftwareVcpu engine, ref GuestRegisters registers)
    {
        var exit = engine.Run(ref registers);
        for (var kicks = 0; exit.Kind is CpuExitKind.Preempted or CpuExitKind.Idle && kicks < MostKicks; kicks++)
            exit = engine.Run(ref registers);
        return exit;
    }
}
