using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>The hypercall interface: numbers, registers, multicall, and the operations that belong to no table.</summary>
internal static class CallGuests
{
    public static IEnumerable<MachineGuest> All =>
    [
        new("call-numbers", "every hypercall number answers; those that are none answer ENOSYS", code =>
        {
            foreach (var number in (uint[])[11, 38, 43, 47, 48, 55, 56, 63, 64, 0xff, 0x1000, 0xffff_ffff])
                Raw(code, $"{number:x}", number);
            foreach (var call in (XenCall[])[XenCall.PlatformOp, XenCall.Domctl, XenCall.Sysctl, XenCall.HvmOp, XenCall.XsmOp, XenCall.KexecOp, XenCall.XenoprofOp, XenCall.XenpmuOp, XenCall.ArgoOp, XenCall.HypfsOp])
                Raw(code, call.ToString(), (uint)call);
            code.Asm.mov(rax, 0x1_0000_0011UL);
            code.Asm.xor(edi, edi);
            code.Asm.xor(esi, esi);
            code.Asm.syscall();
            code.Record("number with a high half", rax);
        }),
        new("call-registers", "what a hypercall leaves in the registers", code =>
        {
            code.Asm.mov(rdi, 7UL);
            code.Asm.mov(rsi, 0UL);
            code.Asm.mov(rdx, 0x3333UL);
            code.Asm.mov(r10, 0x4444UL);
            code.Asm.mov(r8, 0x5555UL);
            code.Asm.mov(r9, 0x6666UL);
            code.Asm.mov(rbx, 0x7777UL);
            code.Asm.xor(ebp, ebp);
            var back = code.Asm.CreateLabel();
            code.Asm.mov(eax, (uint)XenCall.XenVersion);
            code.Asm.syscall();
            code.Asm.Label(ref back);
            code.Record("rax", rax);
            code.Record("rdi", rdi);
            code.Record("rsi", rsi);
            code.Record("rdx", rdx);
            code.Record("r10", r10);
            code.Record("r8", r8);
            code.Record("r9", r9);
            code.Record("rbx", rbx);
            code.Record("r11", r11);
            code.Asm.lea(rdx, __[back]);
            code.RecordEqual("rcx is rip", rcx, rdx);
            code.Asm.pushfq();
            code.Asm.pop(rax);
            code.Record("rflags", rax);
        }),
        new("call-multicall", "multicall: results entry by entry, nesting, unknown numbers, refusals", code =>
        {
            var (entries, inner) = (code.Variable(0, 64 * 8), code.Variable(0, 64));
            code.Store(inner, (int)XenCall.XenVersion);
            void Entry(int index, XenCall call, params ReadOnlySpan<ulong> arguments)
            {
                var at = entries + (ulong)index * 64;
                code.Store(at, (int)call);
                code.Store(at + 8, 0x5555);
                for (var i = 0; i < arguments.Length; i++)
                    code.Store(at + 16 + (ulong)i * 8, arguments[i]);
            }

            Entry(0, XenCall.XenVersion, 7, 0);
            Entry(1, (XenCall)60);
            Entry(2, XenCall.SetSegmentBase, 9, 0);
            Entry(3, XenCall.Multicall, inner, 1);
            Entry(4, XenCall.VmAssist, 0, 2);
            Entry(5, XenCall.SchedOp, 0, 0);
            Entry(6, XenCall.StackSwitch, GuestLayout.Ss64, GuestLayout.KernelStackTop);
            Entry(7, XenCall.SetTrapTable, 0x1000);
            code.CallRecord("eight", XenCall.Multicall, entries, 8);
            for (ulong i = 0; i < 8; i++)
                code.Record($"result {i}", Operand.At(entries + i * 64 + 8));
            code.Record("inner result", Operand.At(inner + 8));
            code.CallRecord("none", XenCall.Multicall, entries, 0);
            code.CallRecord("bad pointer", XenCall.Multicall, 0x1000, 1);
            code.CallRecord("hypervisor's pointer", XenCall.Multicall, 0xffff_8300_0000_0000UL, 1);
            var page = code.Pages(2);
            code.UpdateVaMapping(page + 0x1000, 0, 2);
            code.Store(page + 0xfc0, (int)XenCall.XenVersion);
            code.Store(page + 0xfd0, 7);
            code.CallRecord("second in a hole", XenCall.Multicall, page + 0xfc0, 2);
            code.Record("first result", Operand.At(page + 0xfc8));
            code.UpdateVaMapping(page, Operand.Entry(page, GuestCode.ReadOnly), 2);
            code.CallRecord("result read-only", XenCall.Multicall, page + 0xfc0, 1);
        }),
        new("call-version", "xen_version and its sub-operations", code =>
        {
            var buffer = code.Variable(0, 1024 + 64);
            code.CallRecord("version", XenCall.XenVersion, 0, 0);
            foreach (var sub in (int[])[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99])
            {
                // build_id writes as much as its length word allows.
                code.Store32(buffer, 0);
                code.CallRecord($"{sub}", XenCall.XenVersion, sub, buffer);
                if (sub is 3 or 5)
                    code.Record($"{sub} content", Operand.At(buffer));
            }

            code.Store(buffer, 0);
            code.Call(XenCall.XenVersion, 5, buffer);
            code.Record("platform parameters", Operand.At(buffer));
            foreach (var map in (uint[])[0, 1, 2])
            {
                code.Store32(buffer, map);
                code.Store32(buffer + 4, 0x5555);
                code.CallRecord($"features {map}", XenCall.XenVersion, 6, buffer);
                code.Asm.mov(eax, __dword_ptr[buffer + 4]);
                code.Record($"features {map} are", rax);
            }

            code.CallRecord("bad pointer", XenCall.XenVersion, 5, 0x1000);
            code.CallRecord("null", XenCall.XenVersion, 3, 0);
        }),
        new("call-assist", "vm_assist: which types a PV kernel may have", code =>
        {
            for (var type = 0; type < 8; type++)
            {
                code.CallRecord($"enable {type}", XenCall.VmAssist, 0, type);
                code.CallRecord($"disable {type}", XenCall.VmAssist, 1, type);
            }

            code.CallRecord("enable 32", XenCall.VmAssist, 0, 32);
            code.CallRecord("disable 32", XenCall.VmAssist, 1, 32);
            code.CallRecord("enable 63", XenCall.VmAssist, 0, 63);
            code.CallRecord("enable 64", XenCall.VmAssist, 0, 64);
            code.CallRecord("command 2", XenCall.VmAssist, 2, 2);
        }),
        new("call-physdev", "physdev_op of a domain without devices", code =>
        {
            code.InstallTraps();
            var argument = code.Variable(0, 40);
            foreach (var (level, name) in new[] { (0UL, "iopl 0"), (3UL, "iopl 3"), (4UL, "iopl 4"), (0xffff_ffffUL, "iopl all ones") })
            {
                code.Store(argument, level);
                code.CallRecord(name, XenCall.PhysdevOp, 6, argument);
            }

            code.CallRecord("iopl bad pointer", XenCall.PhysdevOp, 6, 0x1000);
            code.Store(argument, 0);
            code.Store(argument + 8, 0x1_0001);
            code.CallRecord("iobitmap too long", XenCall.PhysdevOp, 7, argument);
            code.Store(argument + 8, 0x400);
            code.CallRecord("iobitmap", XenCall.PhysdevOp, 7, argument);
            code.Store(argument + 8, 0);
            foreach (var command in (int[])[5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 99])
                code.CallRecord($"command {command}", XenCall.PhysdevOp, command, argument);
        }),
        new("call-console", "console_io of a guest, and set_timer_op", code =>
        {
            var text = code.Variable(0x0a6f_6c6c_6548);
            code.CallRecord("write", XenCall.ConsoleIo, 0, 6, text);
            code.CallRecord("write bad pointer", XenCall.ConsoleIo, 0, 6, 0x1000);
            code.CallRecord("read", XenCall.ConsoleIo, 1, 6, text);
            code.CallRecord("unknown", XenCall.ConsoleIo, 2, 6, text);
            code.CallRecord("timer past", XenCall.SetTimerOp, 1);
            code.CallRecord("timer off", XenCall.SetTimerOp, 0);
            code.CallRecord("timer far", XenCall.SetTimerOp, long.MaxValue);
            code.CallRecord("timer negative", XenCall.SetTimerOp, -5);
            code.CallRecord("timer off again", XenCall.SetTimerOp, 0);
        }),
        new("call-timer", "a timer in the past or soon raises its VIRQ", code =>
        {
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
            var bind = code.Variable(0, 16);
            code.CallRecord("bind", XenCall.EventChannelOp, 1, bind);
            code.Asm.mov(eax, __dword_ptr[bind + 8]);
            code.Record("port", rax);
            code.Call(XenCall.VcpuOp, 7, 0, 0);
            code.Call(XenCall.SetTimerOp, 1);
            code.Try("past", a => code.Call(XenCall.SchedOp, 1, 0));
            code.Record("selector", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector));
            Clear(code);
            code.Asm.mov(rbx, __qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.SystemTime]);
            code.Asm.add(rbx, 200_000_000);
            code.Call(XenCall.SetTimerOp, rbx);
            code.Try("soon", a => code.Call(XenCall.SchedOp, 1, 0));
            code.Record("selector soon", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector));
            Clear(code);
            var timer = code.Table(1, 0);
            code.Try("single shot past", a =>
            {
                code.Call(XenCall.VcpuOp, 8, 0, timer);
                code.Record("single shot", rax);
                code.Call(XenCall.SchedOp, 1, 0);
            });
        }),
        new("call-sched", "sched_op: unknown commands, yields and refusals", code =>
        {
            var argument = code.Variable(0, 16);
            code.CallRecord("yield", XenCall.SchedOp, 0, 0);
            code.CallRecord("unknown", XenCall.SchedOp, 99, 0);
            code.CallRecord("shutdown bad pointer", XenCall.SchedOp, 2, 0x1000);
            code.Store32(argument, 0x7ff0);
            code.CallRecord("remote shutdown self", XenCall.SchedOp, 4, argument);
            code.Store32(argument, 0);
            code.CallRecord("remote shutdown dom0", XenCall.SchedOp, 4, argument);
            code.CallRecord("shutdown code", XenCall.SchedOp, 5, argument);
            code.CallRecord("pin override", XenCall.SchedOp, 7, argument);
            code.Store(argument, 0 | 100UL << 32);
            code.CallRecord("watchdog 0 new", XenCall.SchedOp, 6, argument);
            code.Store(argument, 1 | 0UL << 32);
            code.CallRecord("watchdog 1 off", XenCall.SchedOp, 6, argument);
            code.Store(argument, 2 | 100UL << 32);
            code.CallRecord("watchdog 2 unused", XenCall.SchedOp, 6, argument);
            code.Store(argument, 9);
            code.CallRecord("watchdog 9", XenCall.SchedOp, 6, argument);
        }),
        new("call-vcpu", "vcpu_op: what each command answers for this vCPU and for others", code =>
        {
            var argument = code.Variable(0, 64);
            foreach (var vcpu in (int[])[0, 1, 31, 8191, 8192])
                code.CallRecord($"is_up {vcpu}", XenCall.VcpuOp, 3, vcpu, 0);
            code.CallRecord("up of the running", XenCall.VcpuOp, 1, 0, 0);
            code.CallRecord("up of none", XenCall.VcpuOp, 1, 1, 0);
            code.CallRecord("down of none", XenCall.VcpuOp, 2, 1, 0);
            code.CallRecord("initialise of the running, bad pointer", XenCall.VcpuOp, 0, 0, 0x1000);
            code.CallRecord("initialise of none", XenCall.VcpuOp, 0, 1, 0x1000);
            code.CallRecord("runstate", XenCall.VcpuOp, 4, 0, argument);
            code.Asm.mov(eax, __dword_ptr[argument]);
            code.Record("runstate is", rax);
            code.CallRecord("runstate bad pointer", XenCall.VcpuOp, 4, 0, 0x1000);
            code.Store(argument, 0x1000);
            code.CallRecord("runstate area in a hole", XenCall.VcpuOp, 5, 0, argument);
            code.CallRecord("runstate area argument in a hole", XenCall.VcpuOp, 5, 0, 0x1000);
            code.Store(argument, argument + 16);
            code.CallRecord("runstate area", XenCall.VcpuOp, 5, 0, argument);
            code.CallRecord("time area", XenCall.VcpuOp, 13, 0, argument);
            code.CallRecord("stop periodic", XenCall.VcpuOp, 7, 0, 0);
            code.Store(argument, 999_999);
            code.CallRecord("periodic too short", XenCall.VcpuOp, 6, 0, argument);
            code.Store(argument, 0x7fff_ffff_ffff_ffffUL);
            code.CallRecord("periodic too long", XenCall.VcpuOp, 6, 0, argument);
            code.CallRecord("stop single shot", XenCall.VcpuOp, 9, 0, 0);
            code.Store(argument, 1);
            code.Store(argument + 8, 1);
            code.CallRecord("single shot in the past, future only", XenCall.VcpuOp, 8, 0, argument);
            code.CallRecord("send nmi", XenCall.VcpuOp, 11, 0, 0);
            code.CallRecord("physid", XenCall.VcpuOp, 12, 0, argument);
            code.CallRecord("unknown", XenCall.VcpuOp, 99, 0, argument);
            code.Store(argument, Operand.Mfn(argument));
            code.Store(argument + 8, 0xfd0);
            code.CallRecord("vcpu info across a page", XenCall.VcpuOp, 10, 0, argument);
            code.Store(argument + 8, 4);
            code.CallRecord("vcpu info misaligned", XenCall.VcpuOp, 10, 0, argument);
            code.Store(argument, 0xfff_ffff_ffff);
            code.Store(argument + 8, 0);
            code.CallRecord("vcpu info in no frame", XenCall.VcpuOp, 10, 0, argument);
        }),
        new("call-vcpu-info", "register_vcpu_info moves the upcall's bytes, once, and raises what was pending", code =>
        {
            var page = code.Pages();
            code.SetMask(0);
            var argument = code.Table(0, 0x40);
            code.Store(argument, Operand.Mfn(page));
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
            code.Try("register", a =>
            {
                code.Call(XenCall.VcpuOp, 10, 0, argument);
                code.Record("result", rax);
            });
            code.RecordMasked("mask there", Operand.At(page + 0x40), 0xffff);
            code.RecordMasked("selector there", Operand.At(page + 0x48), ulong.MaxValue);
            code.CallRecord("again", XenCall.VcpuOp, 10, 0, argument);
            code.MmuextRecord("page as a table", MmuextCommand.PinL1, Operand.Mfn(page));
        }),
        new("call-memory", "memory_op of a domain that has all it may have", code =>
        {
            var (argument, list) = (code.Variable(0, 80), code.Table(0, 0, 0, 0));
            var page = code.Pages();
            code.Store(argument, GuestCode.Self);
            code.Call(XenCall.MemoryOp, 3, argument);
            code.Asm.mov(rdx, __qword_ptr[V.StartInfo]);
            code.Asm.mov(rdx, __qword_ptr[rdx + StartInfoOffset.NrPages]);
            code.RecordDifference("current reservation beyond nr_pages", rax, rdx);
            code.CallRecord("maximum reservation", XenCall.MemoryOp, 4, argument);
            code.CallRecord("maximum gpfn", XenCall.MemoryOp, 14, argument);
            code.Store(argument, 0);
            code.CallRecord("current reservation of dom0", XenCall.MemoryOp, 3, argument);
            code.Store(argument, 0x7000);
            code.CallRecord("current reservation of none", XenCall.MemoryOp, 3, argument);
            code.CallRecord("current reservation bad pointer", XenCall.MemoryOp, 3, 0x1000);

            void Reservation(string name, int command, ulong pointer, ulong count, ulong orderAndFlags, ulong domain)
            {
                code.Store(argument, pointer);
                code.Store(argument + 8, count);
                code.Store(argument + 16, orderAndFlags);
                code.Store(argument + 24, domain);
                code.CallRecord(name, XenCall.MemoryOp, command, argument);
            }

            Operand.Mfn(page).Load(code.Asm, rax);
            code.Asm.mov(__qword_ptr[list], rax);
            Reservation("decrease mapped", 1, list, 1, 0, GuestCode.Self);
            code.UpdateVaMappingRecord("unmap", page, 0, 2);
            Reservation("decrease again", 1, list, 1, 0, GuestCode.Self);
            code.Store(list, (int)((page - GuestLayout.Base) >> 12));
            Reservation("populate", 6, list, 1, 0, GuestCode.Self);
            code.Asm.mov(rbx, __qword_ptr[list]);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rax, __qword_ptr[rdx + rbx * 8]);
            code.RecordDifference("populated frame's pfn", rax, (page - GuestLayout.Base) >> 12);
            code.Asm.mov(rax, __qword_ptr[list]);
            code.Asm.shl(rax, 12);
            code.Asm.or(rax, 0x63);
            code.UpdateVaMappingRecord("map it", page, rax, 2);
            code.Record("it is clean", Operand.At(page));
            code.Store(list, 0x10_0000);
            Reservation("populate too much", 6, list, 1, 0, GuestCode.Self);
            Reservation("increase too much", 0, list, 1, 0, GuestCode.Self);
            Reservation("populate none", 6, list, 0, 0, GuestCode.Self);
            Reservation("populate order 10", 6, list, 1, 10, GuestCode.Self);
            Reservation("populate order 30", 6, list, 1, 30, GuestCode.Self);
            Reservation("decrease no frame", 1, list, 1, 0, GuestCode.Self);
            Reservation("decrease list in a hole", 1, 0x1000, 1, 0, GuestCode.Self);
            Reservation("decrease for dom0", 1, list, 1, 0, 0);
            Reservation("decrease for none", 1, list, 1, 0, 0x7000);
            var table = code.Pages();
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            Operand.Mfn(table).Load(code.Asm, rax);
            code.Asm.mov(__qword_ptr[list], rax);
            Reservation("decrease a table", 1, list, 1, 0, GuestCode.Self);
            code.Store(argument, 4);
            code.Store(argument + 8, list);
            code.CallRecord("memory map", XenCall.MemoryOp, 9, argument);
            code.CallRecord("machphys mapping", XenCall.MemoryOp, 12, argument);
            code.Record("machphys start", Operand.At(argument));
            code.Record("machphys end", Operand.At(argument + 8));
            foreach (var command in (int[])[5, 7, 10, 13, 15, 16, 17, 18, 20, 24, 26, 40, 63])
            {
                code.Store(argument, 0x7ff0);
                code.CallRecord($"command {command}", XenCall.MemoryOp, command, argument);
            }
        }),
        new("call-exchange", "XENMEM_exchange gives another frame for one", code =>
        {
            var (argument, input, output) = (code.Variable(0, 72), code.Table(0), code.Table(0));
            var page = code.Pages();
            Operand.Mfn(page).Load(code.Asm, rax);
            code.Asm.mov(__qword_ptr[input], rax);
            code.UpdateVaMappingRecord("unmap", page, 0, 2);
            code.Store(output, (int)((page - GuestLayout.Base) >> 12));
            code.Store(argument, input);
            code.Store(argument + 8, 1);
            code.Store(argument + 24, GuestCode.Self);
            code.Store(argument + 32, output);
            code.Store(argument + 40, 1);
            code.Store(argument + 56, GuestCode.Self);
            code.CallRecord("exchange", XenCall.MemoryOp, 11, argument);
            code.Record("exchanged", Operand.At(argument + 64));
            code.Asm.mov(rbx, __qword_ptr[output]);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rax, __qword_ptr[rdx + rbx * 8]);
            code.RecordDifference("pfn of the new frame", rax, (page - GuestLayout.Base) >> 12);
            code.Store(argument + 40, 2);
            code.Store(argument + 64, 0);
            code.CallRecord("unequal", XenCall.MemoryOp, 11, argument);
            code.Store(argument + 40, 1);
            code.Store(argument + 64, 2);
            code.CallRecord("more exchanged than asked", XenCall.MemoryOp, 11, argument);
        }),
        new("call-shutdown-reboot", "SHUTDOWN_reboot", code => Shutdown(code, 1)),
        new("call-shutdown-crash", "SHUTDOWN_crash", code => Shutdown(code, 3)),
        new("call-shutdown-watchdog", "SHUTDOWN_watchdog", code => Shutdown(code, 4)),
        new("call-shutdown-unknown", "a shutdown code beyond the last", code => Shutdown(code, 77)),
        new("call-old-shutdown", "the old sched_op shuts down, too", code =>
        {
            code.Record("before", 1);
            code.Flush();
            code.CallRecord("shutdown", XenCall.SchedOpCompat, 2, 1);
        }),
    ];

    private static void Raw(GuestCode code, string name, uint number)
    {
        foreach (var register in new[] { rdi, rsi, rdx, r10, r8 })
            code.Asm.xor(register, register);
        code.Asm.mov(eax, number);
        code.Asm.syscall();
        code.Record(name, rax);
    }

    private static void Shutdown(GuestCode code, uint reason)
    {
        var argument = code.Variable();
        code.Record("before", 1);
        code.Flush();
        code.Store32(argument, reason);
        code.CallRecord("returned", XenCall.SchedOp, 2, argument);
    }

    private static void Clear(GuestCode code)
    {
        code.Store8(GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending, 0);
        code.Store(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector, 0);
        code.Store(GuestLayout.SharedInfo + SharedInfoOffset.EventPending, 0);
    }
}
