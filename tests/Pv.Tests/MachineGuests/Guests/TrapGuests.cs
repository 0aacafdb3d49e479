using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Which exceptions reach the guest and how, the trap table, and what happens without a handler.</summary>
internal static class TrapGuests
{
    public static IEnumerable<MachineGuest> All =>
    [
        new("trap-vectors", "divide error, breakpoint, overflow, invalid opcode, protection: vector, error code and rip", code =>
        {
            code.InstallTraps();
            code.Try("de", a =>
            {
                a.xor(ecx, ecx);
                a.mov(eax, 1);
                a.xor(edx, edx);
                a.div(ecx);
            });
            code.Try("idiv overflow", a =>
            {
                a.mov(ecx, -1);
                a.mov(eax, int.MinValue);
                a.cdq();
                a.idiv(ecx);
            });
            code.Try("bp", a => a.int3());
            code.Try("db icebp", a => a.int1());
            code.Try("ud", a => a.ud2());
            code.Try("ud lock", a => a.db(0xf0, 0x90));
            code.Try("ud into", a => a.db(0xce));
            code.Try("gp rip non-canonical", a =>
            {
                a.mov(rax, 0x8000_0000_0000UL);
                a.jmp(rax);
            });
            code.Try("gp data non-canonical", a =>
            {
                a.mov(rax, 0x8000_0000_0000UL);
                a.mov(rcx, __qword_ptr[rax]);
            });
        }),
        new("trap-user-vectors", "the same from user mode", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.TryUser("de", a =>
            {
                a.xor(ecx, ecx);
                a.div(ecx);
            });
            code.TryUser("bp", a => a.int3());
            code.TryUser("ud", a => a.ud2());
            code.TryUser("hlt", a => a.hlt());
            code.TryUser("cli", a => a.cli());
            code.TryUser("in", a => a.@in(al, 0x42));
            code.TryUser("mov cr0", a => a.mov(rax, cr0));
            code.TryUser("mov cr3", a => a.mov(rax, cr3));
            code.TryUser("mov dr7", a => a.mov(rax, dr7));
            code.TryUser("rdmsr", a => a.rdmsr());
            code.TryUser("wbinvd", a => a.wbinvd());
            code.TryUser("clts", a => a.clts());
            code.TryUser("forced cpuid", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
        }),
        new("trap-single-step", "TF traps after one instruction; the handler runs without it", code =>
        {
            code.InstallTraps();
            code.Try("step", a =>
            {
                a.pushfq();
                a.or(__dword_ptr[rsp], 0x100);
                a.popfq();
                a.nop();
                a.nop();
            });
            code.RecordMasked("frame.tf", Operand.At(V.FrameFlags), 0x100);
            code.RecordMasked("handler.tf", Operand.At(V.HandlerFlags), 0x100);
            code.CallRecord("dr6", XenCall.GetDebugreg, 6);
        }),
        new("trap-software", "int n: DPL 1 for the kernel, 3 for user code, else a protection fault; int 0x80 is open to all", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            for (var level = 0; level < 4; level++)
            {
                var vector = (byte)(GuestCode.FirstLevelVector + level);
                code.Try($"kernel dpl {level}", a => a.@int(vector));
                code.Record($"kernel dpl {level} frame.cs", Operand.At(V.FrameCs));
                code.TryUser($"user dpl {level}", a => a.@int(vector));
            }

            code.Call(XenCall.SetTrapTable, code.TrapTable((0x80, 0)));
            code.Try("kernel 80", a => a.@int(0x80));
            code.TryUser("user 80", a => a.@int(0x80));
            code.Try("no entry", a => a.@int(0x90));
            code.Try("int 3 by cd", a => a.db(0xcd, 3));
            code.Try("int 14 by cd", a => a.@int(14));
        }),
        new("trap-page-fault", "page faults: error code and address of each kind", code =>
        {
            code.InstallTraps();
            var (readOnly, noExecute) = (code.Pages(), code.Pages());
            code.MakeReadOnly(readOnly);
            code.UpdateVaMapping(noExecute, Operand.Entry(noExecute, 0x8000_0000_0000_0063), 2);
            void Fault(string name, Action<Iced.Intel.Assembler> body)
            {
                code.Store(GuestLayout.SharedInfo + SharedInfoOffset.Cr2, 0);
                code.Try(name, body);
                code.Record(name + ".cr2", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.Cr2));
            }

            Fault("read", a => a.mov(rax, __qword_ptr[0x1238]));
            Fault("write", a => a.mov(__qword_ptr[0x1238], rax));
            Fault("write read-only", a => a.mov(__qword_ptr[readOnly + 8], rax));
            Fault("modify read-only", a => a.@lock.inc(__dword_ptr[readOnly + 16]));
            Fault("fetch", a =>
            {
                a.mov(eax, 0x5678);
                a.jmp(rax);
            });
            Fault("fetch no-execute", a =>
            {
                a.mov(rax, noExecute + 0x10);
                a.jmp(rax);
            });
            Fault("read m2p", a =>
            {
                a.mov(rcx, GuestLayout.MachineToPhysical);
                a.mov(rax, __qword_ptr[rcx]);
            });
            Fault("write m2p", a =>
            {
                a.mov(rcx, GuestLayout.MachineToPhysical);
                a.mov(__qword_ptr[rcx], rax);
            });
            Fault("straddle", a => a.mov(rax, __qword_ptr[noExecute + 0xffc]));
            code.Record("straddle is last page", 1);
        }),
        new("trap-hypervisor-range", "the hypervisor's half: what a guest that touches it is told", code =>
        {
            code.InstallTraps();
            foreach (var (address, name) in new[]
            {
                (0xffff_8040_0000_0000UL, "behind m2p"), (0xffff_8200_0000_0000UL, "stubs"), (0xffff_82d0_4020_0000UL, "text"), (0xffff_8300_0010_0000UL, "direct map"),
                (0xffff_8280_0000_0000UL, "frame table hole"), (0xffff_87ff_ffff_f000UL, "last"),
            })
            {
                code.Try(name + " read", a =>
                {
                    a.mov(rcx, address);
                    a.mov(rax, __qword_ptr[rcx]);
                }, recordError: false); // whether something is present there is the hypervisor's matter
                code.RecordEqual(name + " cr2", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.Cr2), address);
                code.Try(name + " write", a =>
                {
                    a.mov(rcx, address);
                    a.mov(__qword_ptr[rcx], rax);
                }, recordError: false);
            }
        }),
        new("trap-table-merge", "set_trap_table merges entries, NULL clears all, a zero address ends the table", code =>
        {
            code.InstallTraps();
            var table = code.TrapTable((6, 0));
            code.Store(table + 8, GuestCode.Runtime.Stub(0x83));
            code.CallRecord("merge", XenCall.SetTrapTable, table);
            code.Try("new entry", a => a.ud2());
            code.Asm.mov(eax, 0xfb);
            code.Try("old entry", a => a.mov(ds, eax));
            code.CallRecord("bad pointer", XenCall.SetTrapTable, 0x1000);
            code.CallRecord("hypervisor's pointer", XenCall.SetTrapTable, 0xffff_8300_0000_0000UL);
            code.Try("after bad pointers", a => a.ud2());
            // The table is read up to the first zero address; here the next page is missing after one good entry.
            var page = code.Pages(2);
            code.UpdateVaMapping(page + 0x1000, 0, 2);
            code.Store(page + 0xff0, Operand.At(table));
            code.Store(page + 0xff8, GuestCode.Runtime.Stub(0x84));
            code.CallRecord("runs into a hole", XenCall.SetTrapTable, page + 0xff0);
            code.Try("the entry before the hole", a => a.ud2());
            code.CallRecord("clear", XenCall.SetTrapTable, 0);
            code.CallRecord("one", XenCall.SetTrapTable, code.TrapTable((13, 0)));
            code.Asm.mov(eax, 0xfb);
            code.Try("set again", a => a.mov(ds, eax));
            code.Flush();
            code.Try("cleared entry", a => a.ud2());
        }),
        new("trap-no-handler", "an exception without a handler costs the domain", code =>
        {
            code.Record("before", 1);
            code.Flush();
            code.Asm.ud2();
        }),
        new("trap-nowhere", "a jump to nowhere without a handler costs the domain", code =>
        {
            code.Record("before", 1);
            code.Flush();
            code.Asm.mov(eax, 0x1000);
            code.Asm.jmp(rax);
        }),
        new("trap-user-no-handler", "user code that faults without a handler costs the domain", code =>
        {
            code.EnableUserMode();
            code.Record("before", 1);
            code.Flush();
            code.TryUser("ud", a => a.ud2());
        }),
        new("trap-handler-nowhere", "a handler at a missing page is a page fault of its own, and costs the domain without one", code =>
        {
            code.InstallTraps();
            var table = code.TrapTable((6, 0));
            code.Store(table + 8, 0x7000);
            code.Call(XenCall.SetTrapTable, table);
            code.Try("ud", a => a.ud2());
            code.Store(table + 8, 0x8000_0000_0000UL);
            code.CallRecord("non-canonical handler", XenCall.SetTrapTable, table);
            code.Flush();
            code.Try("ud non-canonical", a => a.ud2());
        }),
    ];
}
