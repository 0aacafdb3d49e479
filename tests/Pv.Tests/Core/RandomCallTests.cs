using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;
using Pv.Tests.Fuzzing;

namespace Pv.Tests.Core;

/// <summary>Every hypercall with arguments of chance, from a PV domain and from an auto-translated one: nothing may escape, and nobody else may be touched.</summary>
[TestFixture]
internal sealed class RandomCallTests
{
    private const int CallsOfARun = 1500, MostContinuations = 2000;

    private static readonly int Runs = TestAmount.IsFull ? 400 : 25;

    [Test]
    public void No_exception_escapes_from_calls_of_a_paravirtualized_domain()
    {
        for (var seed = 1ul; seed <= (ulong)Runs; seed++)
        {
            using var machine = new TestMachine(900);
            var other = new Bystander(machine);
            var guest = new TestGuest(machine, 24);
            machine.Core.PreemptionChooser = new Chance(seed).Preempts;
            Run(machine, guest.Caller, seed, address => guest.Safe[8 + (int)(address >> PageSize.Shift)].Address | address & PageSize.OffsetMask,
                [.. guest.Frames, .. guest.Safe], guest.Domain);
            End(machine, guest.Domain, other, seed);
        }
    }

    [Test]
    public void No_exception_escapes_from_calls_of_an_auto_translated_domain()
    {
        for (var seed = 1ul; seed <= (ulong)Runs; seed++)
        {
            using var machine = new TestMachine(900);
            var other = new Bystander(machine);
            var domain = machine.CreateDomain(24, managed: true);
            domain.PhysicalMap!.Get(new Pfn(0), out var first);
            domain.PhysicalMap!.Get(new Pfn(1), out var second);
            Run(machine, domain.Vcpus[0]!, seed, address => (address >> PageSize.Shift == 0 ? first : second).Address | address & PageSize.OffsetMask,
                [.. Enumerable.Range(0, 26).Select(pfn => new Mfn((ulong)pfn))], domain);
            End(machine, domain, other, seed);
        }
    }

    private static void End(TestMachine machine, Domain domain, Bystander other, ulong seed)
    {
        machine.Core.PreemptionChooser = _ => false;
        Assert.That(other.IsUntouched(), $"seed {seed}: another domain's memory was changed");
        machine.Destroy(domain);
        machine.Destroy(other.Domain);
        Assert.That(machine.Core.Domains.Snapshot(), Has.Count.EqualTo(1), $"seed {seed}: domains");
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart), $"seed {seed}: free frames");
    }

    private static void Run(TestMachine machine, Vcpu vcpu, ulong seed, Func<ulong, ulong> machineAddress, Mfn[] frames, Domain domain)
    {
        for (var step = 0; step < CallsOfARun; step++)
        {
            var dice = new Dice(seed << 20 | (uint)step);
            var owner = machine.Core.Frames.TryGetOwner(Mfn.OfAddress(machineAddress(0)), out var first) && first == domain.Id
                && machine.Core.Frames.TryGetOwner(Mfn.OfAddress(machineAddress(0x1000)), out var second) && second == domain.Id;
            if (owner)
                Fill(machine, ref dice, machineAddress, frames);
            var registers = new HypercallRegisters(
                dice.OneIn(50) ? dice.Next() : (ulong)dice.Below(64), First(ref dice, frames), Word(ref dice, frames), Word(ref dice, frames),
                dice.OneIn(2) ? DomId.Self.Value : Word(ref dice, frames), Word(ref dice, frames), Word(ref dice, frames));
            if (dice.OneIn(10))
                vcpu.Registers.Rsp = (ulong)dice.Below(0x2000) & ~7ul;
            Enter(machine, vcpu, registers, $"seed {seed} step {step}");
            if (dice.OneIn(20))
                machine.Advance(dice.Next() & 0xf_ffff_ffff);
            if (domain.Shutdown is not null)
                domain.Resume();
        }
    }

    private static void Enter(TestMachine machine, Vcpu vcpu, HypercallRegisters registers, string where)
    {
        var begun = registers;
        try
        {
            for (var entries = 0; entries < MostContinuations; entries++)
            {
                var result = machine.Core.Hypercalls.Enter(vcpu, ref registers);
                if (result.Outcome != HypercallOutcome.Continue && !result.Rerun)
                    break;
            }
        }
        catch (GuestCrashException) when (begun.Number is (ulong)HypercallNumber.Iret or (ulong)HypercallNumber.Multicall)
        {
            // A guest that returns to nowhere ends itself.
        }
        catch (Exception failure)
        {
            Assert.Fail($"{where}: {begun} threw {failure}");
        }
        vcpu.EndPoll();
        // Where iret went does not matter to the next call.
        if (vcpu.Domain.Kind == DomainKind.Paravirtualized)
        {
            vcpu.Traps.InKernel = true;
            vcpu.Registers.Cr3 = vcpu.Traps.KernelTable.Address;
        }
    }

    private static void Fill(TestMachine machine, ref Dice dice, Func<ulong, ulong> machineAddress, Mfn[] frames)
    {
        var from = (ulong)dice.Of(0, 0, 0x800, 0xf80, 0x1000);
        for (var i = 0ul; i < 40 && from + i * 8 < 0x2000; i++)
        {
            var value = dice.Below(4) switch
            {
                0 => Word(ref dice, frames),
                1 => (uint)dice.Below(8) | (ulong)(uint)dice.Below(8) << 32,
                2 => dice.Of(1u, 2u, 0u, 0x7ff0u) | (ulong)(uint)dice.Below(3) << 16 | (ulong)(uint)dice.Below(3) << 32,
                _ => dice.OneIn(3) ? dice.Next() : (ulong)dice.Below(64),
            };
            machine.Core.Memory.At<ulong>(machineAddress(from + i * 8)) = value;
        }
    }

    private static ulong First(ref Dice dice, Mfn[] frames) => dice.OneIn(4) ? Word(ref dice, frames) : (ulong)dice.Below(40);

    private static ulong Word(ref Dice dice, Mfn[] frames) => dice.Below(14) switch
    {
        0 => 0,
        1 or 2 or 3 or 4 => (ulong)dice.Of(0, 0, 0x800, 0xf80, 0x1000, 0x1fe0, 0x1ff9),
        5 => 0xffff_8000_0000_0000 + (ulong)dice.Below(0x10000),
        6 => 0x0000_8000_0000_0000,
        7 => ulong.MaxValue - (ulong)dice.Below(64),
        8 => frames[dice.Below(frames.Length)].Value,
        9 => frames[dice.Below(frames.Length)].Address | (uint)dice.Below(512) << 3 | (uint)dice.Below(4),
        10 => frames[dice.Below(frames.Length)].Address | 0x67,
        11 => 1ul << dice.Below(64),
        12 => dice.Next(),
        _ => (ulong)dice.Below(8),
    };

    private sealed class Chance(ulong seed)
    {
        private Dice _dice = new(seed);

        public bool Preempts(Vcpu vcpu) => _dice.OneIn(20);
    }
}
