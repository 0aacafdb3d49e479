using System.Runtime.Versioning;
using Iced.Intel;
using NUnit.Framework;
using Pv.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Instructions;

/// <summary>What takes more than one instruction, or a special place, to see.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
[SupportedOSPlatform("linux")]
public sealed class SequenceTests(int translateAfter)
{
    private const ulong Trap = 0x100, Nested = 0x4000, AlignmentCheck = 0x40000;
    private RowRunner _runner = null!;

    [OneTimeSetUp]
    public void Start() => _runner = RowRunner.StartOrSkip(translateAfter);

    [OneTimeTearDown]
    public void Stop() => _runner?.Dispose();

    private static Row Row(Form form, Action<Row>? prepare = null)
    {
        var row = new Row(form);
        row.General[4] = Arena.Stack + 0x800;
        row.General[3] = Arena.Data + 0x800;
        prepare?.Invoke(row);
        return row;
    }

    /// <summary>Bits 0 to 21 of rflags: those that stick, those that do not, and what is read back.</summary>
    [Test]
    public void FlagsThatArePoppedCanBePushed([Values(false, true)] bool narrow)
    {
        var form = Form.Assemble(a =>
        {
            if (narrow)
                a.popf();
            else
                a.popfq();
            a.nop();
            a.pushfq();
            a.pop(rax);
        });
        var random = new Random(1);
        var values = Enumerable.Range(0, 22).Select(bit => 1ul << bit).Concat(Enumerable.Range(0, 400).Select(_ => (ulong)random.NextInt64(1L << 22)));
        _runner.AssertAgree(values.Select(value => Row(form, row =>
        {
            row.WriteMemory(row.General[4], value, 8);
            row.Rflags |= (ulong)random.Next(0x1000) & 0xcd5;
        })));
    }

    [Test]
    public void TheTrapFlagStopsAfterEachInstruction()
    {
        Form[] forms =
        [
            Form.Assemble(a => { a.nop(); a.nop(); }),
            Form.Assemble(a => { a.rep.movsb(); a.nop(); }),
            Form.Assemble(a => { a.pushfq(); a.pop(rax); }),
            Form.Assemble(a => a.int3()),
            Form.Assemble(a => a.int1()),
            Form.Assemble(a => a.ud2()),
            Form.Assemble(a => a.jmp(Arena.Code + 0x100)),
            Form.Assemble(a => a.call(Arena.Code + 0x100)),
            Form.Assemble(a => a.mov(__dword_ptr[0x1000], eax)),
        ];
        _runner.AssertAgree(from form in forms
                            from count in new ulong[] { 0, 1, 5 }
                            select Row(form, row =>
                            {
                                row.Rflags |= Trap;
                                row.General[1] = count;
                                row.General[6] = Arena.Data;
                                row.General[7] = Arena.Data + 0x100;
                            }));
    }

    /// <summary>An instruction that crosses into the next page, and one whose tail is not there.</summary>
    [Test]
    public void CodeAtTheEndOfAPage([Values(Arena.PageBytes, Arena.CodeBytes)] int end)
    {
        var forms = FormCatalogue.Usual.ByMnemonic.Values.SelectMany(all => all.Take(3))
            .Where(form => form.First is { FlowControl: FlowControl.Next, IsIPRelativeMemoryOperand: false });
        _runner.AssertAgree(from form in forms
                            from before in Enumerable.Range(1, form.Code.Length)
                            from row in RowMaker.Make(new Form(form.Code, end - before, form.First), 1)
                            select row);
    }

    /// <summary>An instruction has 15 bytes at most; one of more is a general protection fault, whatever it would have been.</summary>
    [Test]
    public void TooManyPrefixes()
        => _runner.AssertAgree(from prefix in new byte[] { 0x66, 0x2e, 0x67, 0xf2, 0x48 }
                               from count in Enumerable.Range(12, 5)
                               from opcode in new byte[] { 0x90, 0x50, 0xf4 }
                               select Row(new Form([.. Enumerable.Repeat(prefix, count), opcode])));

    [Test]
    public void OpcodesThatAreNone()
    {
        string[] codes =
        [
            "06", "07", "0e", "16", "17", "1e", "1f", "27", "2f", "37", "3f", "60", "61", "82c001", "9a0000000000", "ce", "d4", "d5", "d6", "ea00000000",
            "0f04", "0f0a", "0f0c", "0f24c0", "0f26c0", "0f36", "0f39", "0fff", "0fb9", "0f0b", "8cf0", "8cf8", "8ec8", "8ef0", "8ef8", "8ec9",
            "8fc8", "c6c8", "c7c8", "fed0", "fef8", "fff8", "ffd8", "ffe8", "0fbac0", "0fbad8", "0fc7c8", "0fc700", "8dc0", "0fb2c0", "0fb4c0", "0fb5c0",
            "0f01c8", "62f2", "c4c0", "c5c0c0", "0f78c0", "0f38ff", "0f3aff00", "0fc3c0", "0fa6c0", "0fa7c0",
            // lock where it does not belong: on a register, a load, a comparison, a move
            "f0 01c0", "f0 0303", "f0 3903", "f0 8903", "f0 8b03", "f0 90", "f0 8703", "f0 87c0", "f0 8d03", "f0 d103", "f0 ff33", "f0 0fa303", "f0 0fab03",
            "f0 0fabc0", "f0 0fb103", "f0 0fb1c0", "f0 0fc103", "f0 0fc1c0", "f0 f703", "f0 f713", "f0 f71b", "f0 f7e3", "f0 fe03", "f0 ff0b", "f0 a4", "f0 e800000000",
            "f0 0f0b", "f0 c3", "f0 50", "f0 0fafc3", "f0 0f4303", "f0 800301", "f0 803b01", "f0 0fba2301", "f0 0fba2b01",
        ];
        _runner.AssertAgree(codes.Select(code => Row(new Form(Convert.FromHexString(code.Replace(" ", ""))))));
    }

    /// <summary>Stores into code that comes next: the page above 4 GiB holds a program that changes the instructions behind the store.</summary>
    [Test]
    public void CodeThatChangesItself()
    {
        const ulong at = Arena.High + 0x200;
        var enter = Form.Assemble(a => { a.mov(rdi, at); a.jmp(rdi); });
        // No repeated stosb over its own prefix: Intel's processors notice after one element, AMD's finish first.
        // stosb over the instruction behind it: 90 (nop), 06 (none in 64-bit code), f4 (privileged), cc
        byte[][] programs =
        [
            [0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xaa, 0x40, 0x90, 0x90, 0xcc],
            [0x48, 0x8d, 0x3d, 1, 0, 0, 0, 0xaa, 0x40, 0x90, 0x90, 0xcc],
            [0x48, 0x8d, 0x3d, 2, 0, 0, 0, 0xaa, 0x40, 0x90, 0x90, 0xcc],
            // A loop whose body is rewritten on its way: inc rbx becomes what al says.
            [0xb9, 3, 0, 0, 0, 0x48, 0xff, 0xc3, 0x88, 0x05, 0xf9, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf3, 0xcc],
        ];
        _runner.AssertAgree(from program in programs
                            from value in new ulong[] { 0x90, 0x06, 0xf4, 0xcc, 0xcb, 0x48 }
                            select Row(enter, row =>
                            {
                                row.General[0] = value;
                                row.General[1] = 4;
                                for (var i = 0; i < program.Length; i++)
                                    row.WriteMemory(at + (ulong)i, program[i], 1);
                            }));
    }

    /// <summary>With the alignment check on, what went well before may fault, and nothing else changes.</summary>
    [Test]
    public void MisalignedAccessesWithAlignmentCheck()
    {
        // Whether unaligned moves of 16 bytes count is each processor's own affair (SDM, MOVUPS).
        var forms = FormCatalogue.Usual.ByMnemonic.Values.SelectMany(all => all
            .Where(form => form.First.Mnemonic != Mnemonic.Syscall && !(VectorForms.Contains(form.First) && form.First.MemorySize.GetSize() == 16)).Take(12));
        var rows = forms.SelectMany(form => RowMaker.Make(form, 4)).ToArray();
        var ends = _runner.Oracle.Run(rows);
        _runner.AssertAgree(rows.Where((_, i) => ends[i].Exit.Vector == ExceptionVector.Breakpoint).Select(row =>
        {
            row.Rflags |= AlignmentCheck;
            return row;
        }));
    }

    /// <summary>A return from an interrupt and a far return that stay at the same privilege, as kernels in ring 3 use them.</summary>
    [Test]
    public void ReturnsWithinTheSamePrivilege()
    {
        var iret = Form.Assemble(a => a.iretq());
        var far = new Form([0x48, 0xcb]);
        ulong[] codes = [0x33, 0x33, 0x33, 0x30, 0x10, 0x2b, 0, 3, 0x83, 0x63, 0x37];
        ulong[] stacks = [0x2b, 0x2b, 0x28, 0x33, 0, 3, 0x18, 0x63, 0x83];
        ulong[] targets = [Arena.Code + 0x100, Arena.Code + 0x1234, Arena.Data, Arena.LowerEnd];
        var random = new Random(3);
        _runner.AssertAgree(from code in codes
                            from stack in stacks
                            from target in targets
                            from form in new[] { iret, far }
                            where Arena.IsCanonical(target) || code == 0x33 && stack == 0x2b // else: which of two faults comes first
                            select Row(form, row =>
                            {
                                var at = row.General[4];
                                row.WriteMemory(at, target, 8);
                                row.WriteMemory(at + 8, code, 8);
                                row.WriteMemory(at + 16, (ulong)random.NextInt64(1L << 22) & ~Trap & ~Nested, 8);
                                row.WriteMemory(at + 24, Arena.Stack + 0x400, 8);
                                row.WriteMemory(at + 32, stack, 8);
                            }));
    }
}
