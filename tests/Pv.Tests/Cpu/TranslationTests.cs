using Iced.Intel;
using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Machine;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Cpu;

/// <summary>Translated code does what interpreted code does, seen from outside: at every exit, and however it came there.</summary>
[TestFixture]
public sealed class TranslationTests
{
    private const ulong Next = SmallMachine.Code + 0x1000;

    private sealed record Seen(CpuExit Exit, ulong[] General, ulong Rip, ulong Rflags, ulong Retired, byte[] Vectors);

    /// <summary>Runs on both tiers and returns what both saw.</summary>
    private static Seen Both(Action<SmallMachine> assemble, Action<GuestRegistersBox>? prepare = null, int runs = 1)
    {
        var seen = new List<Seen>();
        foreach (var tier in new[] { Tier.Interpreted, Tier.Translated })
        {
            using var machine = new SmallMachine(tier);
            assemble(machine);
            var box = new GuestRegistersBox { Registers = machine.Registers() };
            prepare?.Invoke(box);
            CpuExit exit = default;
            for (var run = 0; run < runs; run++)
                exit = machine.Vcpu.Run(ref box.Registers);
            seen.Add(new Seen(exit, ((ReadOnlySpan<ulong>)box.Registers.General).ToArray(), box.Registers.Rip, box.Registers.Rflags, machine.Vcpu.InstructionsRetired,
                ((ReadOnlySpan<byte>)box.Registers.Fx).ToArray()));
        }
        Assert.Multiple(() =>
        {
            Assert.That(seen[1].Exit, Is.EqualTo(seen[0].Exit));
            Assert.That(seen[1].General, Is.EqualTo(seen[0].General));
            Assert.That(seen[1].Vectors, Is.EqualTo(seen[0].Vectors));
            Assert.That((seen[1].Rip, seen[1].Rflags, seen[1].Retired), Is.EqualTo((seen[0].Rip, seen[0].Rflags, seen[0].Retired)));
        });
        return seen[1];
    }

    internal sealed class GuestRegistersBox
    {
        public GuestRegisters Registers;
    }

    [Test]
    public void CallsIntoAnotherPageComeBack()
    {
        var seen = Both(
            machine =>
            {
                machine.Assemble(a =>
                {
                    var again = a.CreateLabel();
                    a.mov(ecx, 5000);
                    a.xor(eax, eax);
                    a.Label(ref again);
                    a.call(Next);
                    a.dec(ecx);
                    a.jne(again);
                    a.int3();
                });
                machine.Assemble(a => { a.add(rax, rcx); a.lea(r10, __[r10 + (rax * 2)]); a.xor(r15, r10); a.ret(); }, Next);
            });
        Assert.That(seen.General[0], Is.EqualTo(5000ul * 5001 / 2));
    }

    [Test]
    public void AFaultInTheMiddleShowsRegistersAndFlagsOfBefore()
    {
        var seen = Both(
            machine => machine.Assemble(a =>
            {
                a.mov(r14d, 7);
                a.sub(r14, 9);
                a.push(r14);
                a.mov(rdx, __[rbx]);
                a.inc(r9);
                a.mov(__qword_ptr[rdi], r9);
                a.int3();
            }),
            box => box.Registers.Rdi = 0x1234_5000);
        Assert.Multiple(() =>
        {
            Assert.That(seen.Exit, Is.EqualTo(CpuExit.PageFault(0x1234_5000, (uint)(PageFaultError.User | PageFaultError.Write))));
            Assert.That((seen.General[9], seen.Rflags & 0x8d5, seen.Retired), Is.EqualTo((1ul, 1ul, 5ul)));
        });
    }

    [TestCase(false)]
    [TestCase(true)]
    public void AJumpToNoAddressFaultsAndHasDoneNothing(bool returns)
    {
        var seen = Both(
            machine => machine.Assemble(a =>
            {
                a.mov(rax, 0x8000_0000_0000_0000);
                a.push(rax);
                a.push(rax);
                if (returns)
                    a.ret(8);
                else
                    a.call(rax);
            }));
        Assert.Multiple(() =>
        {
            Assert.That(seen.Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.GeneralProtection)));
            Assert.That((seen.General[4], seen.Retired), Is.EqualTo((SmallMachine.StackTop - 16, 3ul)));
        });
    }

    [Test]
    public void APageThatLeadsElsewhereLeadsItsLinksElsewhere()
    {
        using var machine = new SmallMachine(Tier.Translated);
        machine.Assemble(a => { a.call(Next); a.syscall(); });
        machine.Assemble(a => { a.mov(eax, 1); a.ret(); }, Next);
        var first = machine.Entry(Next, 0);
        var answers = new List<ulong>();
        for (var round = 0; round < 6; round++)
        {
            if (round == 2)
            {
                machine.Map(Next);
                machine.Assemble(a => { a.mov(eax, 2); a.ret(); }, Next);
                machine.Vcpu.FlushPage(Next);
            }
            if (round == 4)
            {
                machine.Entry(Next, 0) = first;
                machine.Vcpu.FlushTlb();
            }
            var registers = machine.Registers();
            machine.Vcpu.Run(ref registers);
            answers.Add(registers.Rax);
        }
        Assert.That(answers, Is.EqualTo(new ulong[] { 1, 1, 2, 2, 1, 1 }));
    }

    [Test]
    public void AVcpuThatIsKickedOnItsWayAlongALinkKeepsTheLinkFromWhereItGoesNext()
    {
        using var machine = new SmallMachine(Tier.Translated);
        machine.Memory.Marks.Set(machine.DataFrame, FrameMark.DirtyLog);
        var kicks = 0;
        machine.Memory.Marks.Written += (_, _) =>
        {
            if (kicks++ == 0)
                machine.Vcpu.Kick();
        };
        machine.Assemble(a => { a.mov(__byte_ptr[rbx], 1); a.jmp(SmallMachine.Code + 0x800); });
        machine.Assemble(a => { a.mov(eax, 1); a.int3(); }, SmallMachine.Code + 0x800);
        machine.Assemble(a => { a.mov(eax, 2); a.int3(); }, SmallMachine.Code + 0xc00);
        var registers = machine.Registers();
        Assert.That(machine.Vcpu.Run(ref registers), Is.EqualTo(CpuExit.Preempted));
        var elsewhere = machine.Registers(SmallMachine.Code + 0xc00);
        machine.Vcpu.Run(ref elsewhere);
        registers = machine.Registers();
        machine.Vcpu.Run(ref registers);
        Assert.That((elsewhere.Rax, registers.Rax), Is.EqualTo((2ul, 1ul)));
    }

    [Test]
    public void RootsShareTranslationsAndKeepTheirMappings()
    {
        using var machine = new SmallMachine(Tier.Translated);
        machine.Assemble(a => { a.call(Next); a.mov(rdx, __[rbx]); a.syscall(); });
        machine.Assemble(a => { a.mov(eax, 1); a.ret(); }, Next);
        var other = machine.NewRoot();
        foreach (var page in new[] { SmallMachine.Code, SmallMachine.Stack })
            machine.Map(page, SmallMachine.Usual, Mfn.OfAddress(machine.Entry(page, 0) & 0x000f_ffff_ffff_f000), other);
        var code = machine.Map(Next, root: other);
        machine.Memory.Frame(code)[0] = 0xb8;
        machine.Memory.Frame(code)[1] = 2;
        machine.Memory.Frame(code)[5] = 0xc3;
        machine.Memory.Words(machine.Map(SmallMachine.Data, root: other))[0] = 77;
        for (var round = 0; round < 6; round++)
        {
            var registers = machine.Registers();
            registers.Cr3 = (round % 2 == 0 ? machine.Root : other).Address;
            machine.Vcpu.Run(ref registers);
            Assert.That((registers.Rax, registers.Rdx), Is.EqualTo(round % 2 == 0 ? (1ul, 0ul) : (2ul, 77ul)));
        }
    }

    private static void Vectors(GuestRegistersBox box, uint control)
    {
        Span<byte> image = box.Registers.Fx;
        new Random(5).NextBytes(image[160..416]);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(image[24..], control);
    }

    /// <summary>Vector registers and their flags pass between the tiers: at misses, at what only the interpreter does, at faults.</summary>
    [TestCase(0)]
    [TestCase(8)]
    public void VectorsPassBetweenTheTiers(int misaligned)
    {
        var seen = Both(
            machine => machine.Assemble(a =>
            {
                var again = a.CreateLabel();
                a.mov(edi, 200);
                a.Label(ref again);
                a.cvtsi2sd(xmm1, rdi);
                a.divsd(xmm2, xmm1);
                a.paddd(xmm3, xmm4);
                a.movups(__xmmword_ptr[rbx + (rdi * 8) + 0xe00], xmm3);
                a.pshufd(xmm9, xmm3, 0x1b);
                a.cpuid();
                a.mov(rbx, SmallMachine.Data);
                a.paddq(xmm9, xmm2);
                a.addps(xmm10, __xmmword_ptr[rbx + 0x40]);
                a.movd(r9d, xmm9);
                a.pinsrw(xmm11, r9d, 3);
                a.pcmpistri(xmm9, xmm3, 0x1a);
                a.lea(r10, __[rcx + r10]);
                a.ucomisd(xmm1, xmm2);
                a.adc(r11, 0);
                a.movapd(__xmmword_ptr[rbx + 0x20], xmm9);
                a.dec(edi);
                a.jne(again);
                a.movaps(xmm5, __xmmword_ptr[rbx + 0x30 + misaligned]);
                a.syscall();
            }),
            box => Vectors(box, 0x1f80));
        Assert.That(seen.Exit, Is.EqualTo(misaligned == 0 ? CpuExit.Syscall : CpuExit.Exception(ExceptionVector.GeneralProtection)));
    }

    [Test]
    public void AnArithmeticExceptionThatIsNotMaskedIsTheGuests()
    {
        var seen = Both(
            machine => machine.Assemble(a =>
            {
                a.mov(__dword_ptr[rbx], 0x1d80);
                a.paddd(xmm3, xmm4);
                a.pxor(xmm5, xmm5);
                a.ldmxcsr(__dword_ptr[rbx]);
                for (var i = 0; i < 8; i++)
                    a.pxor(xmm7, xmm3);
                a.mov(eax, 1);
                a.cvtsi2sd(xmm6, eax);
                a.divsd(xmm6, xmm5);
                a.syscall();
            }),
            box => Vectors(box, 0x1f80));
        Assert.That(seen.Exit, Is.EqualTo(CpuExit.Exception(ExceptionVector.SimdFault)));
    }

    [Test]
    public void AnInstructionMayHaveThreeRegistersThatLiveInMemory()
        => Both(
            machine => machine.Assemble(a => { a.bzhi(r15, r14, r11); a.pdep(r9, r10, r15); a.shlx(r10, r9, r14); a.syscall(); }),
            box =>
            {
                for (var i = 9; i < 16; i++)
                    box.Registers.General[i] = 0x1234_5678_9abc_def0ul * (ulong)i;
            });

    /// <summary>Random programs of integer instructions in loops, with memory that faults now and then.</summary>
    [Test]
    public void RandomLoopsEndAlike([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        AssemblerRegister64[] registers = [rax, rcx, rdx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];
        AssemblerRegister64 Any() => registers[random.Next(registers.Length)];
        Both(
            machine =>
            {
                random = new Random(seed);
                machine.Assemble(a =>
                {
                    var again = a.CreateLabel();
                    var skips = new Queue<Label>();
                    a.Label(ref again);
                    for (var i = 0; i < 40; i++)
                    {
                        AssemblerRegister64 x = Any(), y = Any();
                        var place = __qword_ptr[rbx + random.Next(0, 0x1ff0)];
                        switch (random.Next(16))
                        {
                            case 0: a.add(x, y); break;
                            case 1: a.sub(x, random.Next()); break;
                            case 2: a.adc(x, place); break;
                            case 3: a.mov(place, x); break;
                            case 4: a.xor(place, y); break;
                            // What leaves flags undefined is followed by what sets them.
                            case 5: a.rol(x, (byte)random.Next(64)); a.test(x, y); break;
                            case 6: a.shl(x, cl); a.or(x, y); break;
                            case 7: a.imul(x, y); a.cmp(x, y); break;
                            case 8: a.push(x); a.pop(y); break;
                            case 9: a.cmovb(x, place); break;
                            case 10: a.xchg(x, y); break;
                            case 11: a.@lock.xadd(__qword_ptr[SmallMachine.Data + ((ulong)random.Next(512) * 8)], x); break;
                            case 12: a.movzx(new AssemblerRegister32(x.Value - Register.RAX + Register.EAX), __byte_ptr[rbx + 5]); break;
                            case 13: a.inc(x); break;
                            case 14: a.lea(x, __[y + (x * 4) + 17]); break;
                            default:
                                if (skips.Count > 0)
                                {
                                    var label = skips.Dequeue();
                                    a.Label(ref label);
                                    a.nop();
                                }
                                else
                                {
                                    var label = a.CreateLabel();
                                    a.jb(label);
                                    skips.Enqueue(label);
                                }
                                break;
                        }
                    }
                    while (skips.TryDequeue(out var label))
                    {
                        a.Label(ref label);
                        a.nop();
                    }
                    a.add(rbx, 1);
                    a.cmp(rbx, (int)SmallMachine.Data + 300 - (seed % 2 * 600));
                    a.jb(again);
                    if (seed % 2 == 1)
                        a.mov(rax, __[rbx + 0x4000]);
                    a.syscall();
                });
            });
    }
}
