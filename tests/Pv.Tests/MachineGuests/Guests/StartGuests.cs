using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>What a kernel finds at its first instruction.</summary>
internal static class StartGuests
{
    public static IEnumerable<MachineGuest> All =>
    [
        new("start-registers", "the processor at the first instruction", code =>
        {
            code.Record("cs", Operand.At(V.EntryCs));
            code.Record("ss", Operand.At(V.EntrySs));
            code.Record("ds", Operand.At(V.EntryDs));
            code.Record("es", Operand.At(V.EntryEs));
            code.Record("fs", Operand.At(V.EntryFs));
            code.Record("gs", Operand.At(V.EntryGs));
            code.Record("rflags", Operand.At(V.EntryFlags));
            code.RecordMasked("rsp.offset", Operand.At(V.EntryRsp), 0xfff);
            code.Record("others", Operand.At(V.EntryOther));
            code.RecordMask("mask");
            code.Asm.movzx(eax, __byte_ptr[GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending]);
            code.Record("pending", rax);
        }),
        new("start-layout", "the order of what the domain builder puts above the image", code =>
        {
            var a = code.Asm;
            a.mov(rbx, __qword_ptr[V.StartInfo]);
            code.RecordDifference("mfn-list to start-info", rbx, Operand.At(V.P2m));
            a.mov(rdx, __qword_ptr[V.ConsoleRing]);
            code.RecordDifference("start-info to console", rdx, rbx);
            a.mov(rdx, __qword_ptr[V.TableBase]);
            code.RecordDifference("start-info to tables", rdx, rbx);
            a.mov(rdx, __qword_ptr[V.EntryRsp]);
            a.mov(rsi, __qword_ptr[rbx + StartInfoOffset.NrPtFrames]);
            code.Record("table frames", rsi);
            a.shl(rsi, 12);
            a.add(rsi, __qword_ptr[V.TableBase]);
            code.RecordDifference("end of tables to stack", rdx, rsi);
            a.mov(rdx, __qword_ptr[rbx + StartInfoOffset.StoreMfn]);
            a.mov(rsi, GuestLayout.MachineToPhysical);
            a.mov(rdx, __qword_ptr[rsi + rdx * 8]);
            a.shl(rdx, 12);
            a.add(rdx, unchecked((int)GuestLayout.Base));
            code.RecordDifference("start-info to xenstore", rdx, rbx);
            a.mov(eax, __dword_ptr[rbx + StartInfoOffset.Flags]);
            code.Record("flags", rax);
            a.mov(rax, __qword_ptr[rbx + StartInfoOffset.NrPages]);
            code.Record("pages", rax);
            a.mov(rax, __qword_ptr[rbx + StartInfoOffset.ModLength]);
            code.Record("module length", rax);
            a.mov(rax, __qword_ptr[rbx]);
            code.Record("magic.0", rax);
            a.mov(rax, __qword_ptr[rbx + 8]);
            code.Record("magic.1", rax);
            a.mov(rax, __qword_ptr[rbx + StartInfoOffset.SharedInfo]);
            code.RecordMasked("shared-info offset", rax, 0xfff);
            a.mov(eax, __dword_ptr[rbx + StartInfoOffset.StorePort]);
            code.Record("store port", rax);
            code.Record("console port", Operand.At(V.ConsolePort));
        }),
        new("start-p2m", "a list of frames at an address of its own (INIT_P2M)", code =>
        {
            var a = code.Asm;
            a.mov(rbx, __qword_ptr[V.StartInfo]);
            a.mov(eax, __dword_ptr[rbx + StartInfoOffset.Flags]);
            code.Record("flags", rax);
            code.Record("list", Operand.At(V.P2m));
            a.mov(rax, __qword_ptr[rbx + StartInfoOffset.NrP2mFrames]);
            code.Record("frames of it", rax);
            a.mov(rcx, __qword_ptr[rbx + StartInfoOffset.FirstP2mPfn]);
            code.Record("first frame", rcx);
            a.mov(rdx, __qword_ptr[V.TableBase]);
            code.RecordDifference("start-info to tables", rdx, rbx);
            a.mov(rax, __qword_ptr[rbx + StartInfoOffset.NrPtFrames]);
            code.Record("table frames", rax);
            code.RecordDifference("image to start-info", rbx, GuestLayout.Base);
            var (_, linear) = code.EntryOf(Operand.At(V.P2m), 4);
            code.RecordEntryFlagsAt("its l4", linear);
        }) { P2mAddress = 0x80_0000_0000 },
        new("start-tables", "how the boot page tables map the image, themselves and the spare room", code =>
        {
            code.Asm.mov(rbx, __qword_ptr[V.TableBase]);
            RecordMapping(code, "image", GuestLayout.Base);
            RecordMapping(code, "l4", Operand.At(V.TableBase));
            RecordMapping(code, "start-info", Operand.At(V.StartInfo));
            RecordMapping(code, "p2m", Operand.At(V.P2m));
            // The tables lie one behind the other: root, then the lower ones.
            for (var level = 1; level <= 3; level++)
            {
                var (_, linear) = code.EntryOf(GuestLayout.Base, level);
                code.Asm.mov(rax, __qword_ptr[linear]);
                code.Asm.sub(rax, __qword_ptr[V.TableBase]);
                code.Asm.shr(rax, 12);
                code.Record($"l{level} table page", rax);
            }

            // The mapping goes on to a 4 MiB boundary: the last page of it is present, the next is not.
            code.Asm.mov(rbx, __qword_ptr[V.EntryRsp]);
            code.Asm.add(rbx, 0x8_0000 + 0x3f_ffff);
            code.Asm.and(rbx, ~0x3f_ffff);
            code.Asm.sub(rbx, 0x1000);
            var (_, last) = code.EntryOf(rbx, 1);
            code.RecordEntryFlagsAt("last", last);
        }),
        new("start-m2p", "the machine-to-physical table agrees with the list of frames", code =>
        {
            var a = code.Asm;
            var (next, differs) = (a.CreateLabel(), a.CreateLabel());
            a.mov(rbx, __qword_ptr[V.StartInfo]);
            a.mov(rsi, __qword_ptr[rbx + StartInfoOffset.NrPages]);
            a.mov(rdi, __qword_ptr[V.P2m]);
            a.mov(r8, GuestLayout.MachineToPhysical);
            a.xor(ecx, ecx);
            a.xor(ebp, ebp);
            a.Label(ref next);
            a.mov(rax, __qword_ptr[rdi + rcx * 8]);
            a.cmp(rcx, __qword_ptr[r8 + rax * 8]);
            a.je(differs);
            a.inc(ebp);
            a.Label(ref differs);
            a.inc(rcx);
            a.cmp(rcx, rsi);
            a.jb(next);
            code.Record("differences", rbp);
        }),
    ];

    private static void RecordMapping(GuestCode code, string name, Operand address)
    {
        for (var level = 4; level >= 1; level--)
        {
            var (_, linear) = code.EntryOf(address, level);
            // Whether accessed and dirty are set depends on what ran before: left out.
            code.Asm.mov(rax, __qword_ptr[linear]);
            code.Asm.mov(rax, __qword_ptr[rax]);
            code.RecordMasked($"{name}.l{level}", rax, 0xfff0_0000_0000_0f9f);
        }
    }
}
