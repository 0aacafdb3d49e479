using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>vCPUs: starting and stopping them, what they register, how they hear of each other.</summary>
internal static class VcpuGuests
{
    private const ulong NotCanonical = 0x0001_0000_0000_0000, HypervisorAddress = 0xffff_8300_0000_0000;

    public static IEnumerable<MachineGuest> All =>
    [
        new("vcpu-initialise", "VCPUOP_initialise judges a context: what it refuses, and that it is taken once", code =>
        {
            var entry = code.Asm.CreateLabel();
            var context = code.VcpuContext(entry, code.Pages(2) + 0x2000);
            code.VcpuOpRecord("is up", VcpuCommand.IsUp, 1);
            code.VcpuOpRecord("up without a state", VcpuCommand.Up, 1);
            code.VcpuOpRecord("down without a state", VcpuCommand.Down, 1);
            code.VcpuOpRecord("bad pointer", VcpuCommand.Initialise, 1, 0x1000);
            code.VcpuOpRecord("of the running one", VcpuCommand.Initialise, 0, context);
            foreach (var (name, offset, value) in new (string, ulong, Operand)[]
            {
                ("rip not canonical", VcpuContextOffset.Rip, NotCanonical), ("event callback not canonical", VcpuContextOffset.EventCallback, NotCanonical),
                ("failsafe callback not canonical", VcpuContextOffset.FailsafeCallback, NotCanonical),
                ("syscall callback not canonical", VcpuContextOffset.SyscallCallback, NotCanonical),
                ("trap not canonical", VcpuContextOffset.TrapTable + 3 * 16 + 8, NotCanonical),
                ("fs base not canonical", VcpuContextOffset.FsBase, NotCanonical), ("gs base not canonical", VcpuContextOffset.GsBaseKernel, NotCanonical),
                ("user gs base not canonical", VcpuContextOffset.GsBaseUser, NotCanonical),
                ("no such table", VcpuContextOffset.Cr3, 0xf_ffff_f000UL), ("no table", VcpuContextOffset.Cr3, Operand.Entry(GuestLayout.Rows, 0)),
                ("user table is none", VcpuContextOffset.Cr1, Operand.Entry(GuestLayout.Rows, 1)),
                ("descriptors in a writable page", VcpuContextOffset.GdtEntries, 16),
                ("too many descriptors", VcpuContextOffset.GdtEntries, 8193), ("too many local descriptors", VcpuContextOffset.LdtEntries, 8193),
                ("local descriptors misaligned", VcpuContextOffset.LdtBase, 0x123),
            })
            {
                var kept = code.Variable();
                code.Store(kept, Operand.At(context + offset));
                code.Store(context + offset, value);
                if (offset == VcpuContextOffset.GdtEntries)
                    code.Store(context + VcpuContextOffset.GdtFrames, Operand.Mfn(GuestLayout.Rows));
                if (offset == VcpuContextOffset.LdtBase)
                    code.Store(context + VcpuContextOffset.LdtEntries, 1);
                code.VcpuOpRecord(name, VcpuCommand.Initialise, 1, context);
                code.Store(context + VcpuContextOffset.GdtFrames, 0);
                code.Store(context + VcpuContextOffset.LdtEntries, 0);
                code.Store(context + offset, Operand.At(kept));
            }

            code.VcpuOpRecord("initialise", VcpuCommand.Initialise, 1, context);
            code.VcpuOpRecord("initialise again", VcpuCommand.Initialise, 1, context);
            code.VcpuOpRecord("initialise again, bad pointer", VcpuCommand.Initialise, 1, 0x1000);
            code.VcpuOpRecord("is up after", VcpuCommand.IsUp, 1);
            code.Asm.Label(ref entry);
            code.Asm.nop();
        }) { Vcpus = 2 },
        new("vcpu-up", "a second vCPU runs, stops itself, and goes on where it stopped", code =>
        {
            var (entry, start, step) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Variable());
            var seen = code.Variable(0, 64);
            var stack = code.Pages(2) + 0x2000;
            var info = code.Pages();
            var register = code.Table(0, 0x80);
            code.Asm.jmp(start);

            code.Asm.Label(ref entry);
            code.Asm.mov(__qword_ptr[seen], rsp);
            code.Asm.mov(__qword_ptr[seen + 8], rdi);
            code.Asm.pushfq();
            code.Asm.pop(__qword_ptr[seen + 16]);
            code.Asm.mov(eax, cs);
            code.Asm.mov(__qword_ptr[seen + 24], rax);
            code.Asm.movzx(eax, __byte_ptr[GuestLayout.SharedInfo + 64 + 1]);
            code.Asm.mov(__qword_ptr[seen + 32], rax);
            code.Store(step, 1);
            code.WaitFor(step, 2);
            code.VcpuOp(VcpuCommand.Down, 1);
            code.Asm.mov(__qword_ptr[seen + 40], rax);
            code.Store(step, 3);
            code.VcpuOp(VcpuCommand.Down, 1);
            code.Store(step, 4);
            code.VcpuOp(VcpuCommand.Down, 1);
            code.Asm.ud2();

            code.Asm.Label(ref start);
            var context = code.VcpuContext(entry, stack);
            code.Store(context + VcpuContextOffset.Rdi, 0x1234);
            code.VcpuOpRecord("initialise", VcpuCommand.Initialise, 1, context);
            code.RecordMasked("runstate, down", Operand.At(Runstate(1)), 0xff);
            code.VcpuOpRecord("up", VcpuCommand.Up, 1);
            code.WaitFor(step, 1);
            code.VcpuOpRecord("is up", VcpuCommand.IsUp, 1);
            code.VcpuOpRecord("up again", VcpuCommand.Up, 1);
            code.RecordDifference("its stack", stack, Operand.At(seen));
            code.Record("its rdi", Operand.At(seen + 8));
            code.RecordMasked("its rflags", Operand.At(seen + 16), 0x3202);
            code.Record("its cs", Operand.At(seen + 24));
            code.Record("its mask", Operand.At(seen + 32));
            code.Store(register, Operand.Mfn(info));
            code.VcpuOpRecord("register info while it runs", VcpuCommand.RegisterVcpuInfo, 1, register);
            code.VcpuOpRecord("single shot of another", VcpuCommand.SetSingleShotTimer, 1, code.Table(1, 0));
            code.VcpuOpRecord("stop single shot of another", VcpuCommand.StopSingleShotTimer, 1);
            code.VcpuOpRecord("periodic of another", VcpuCommand.SetPeriodicTimer, 1, code.Table(1_000_000));
            code.VcpuOpRecord("stop periodic of another", VcpuCommand.StopPeriodicTimer, 1);
            code.Store(step, 2);
            code.WaitForUp(1, up: false);
            code.RecordMasked("runstate, stopped", Operand.At(Runstate(1)), 0xff);
            code.VcpuOpRecord("register info while it is down", VcpuCommand.RegisterVcpuInfo, 1, register);
            code.RecordMasked("info there", Operand.At(info + 0x80), 0xffff);
            code.Record("selector there", Operand.At(info + 0x88));
            code.VcpuOpRecord("register info again", VcpuCommand.RegisterVcpuInfo, 1, register);
            code.VcpuOpRecord("up once more", VcpuCommand.Up, 1);
            code.WaitFor(step, 3);
            code.Record("what down answered", Operand.At(seen + 40));
            code.WaitForUp(1, up: false);
            code.VcpuOpRecord("down of the stopped", VcpuCommand.Down, 1);
            code.VcpuOpRecord("the last up", VcpuCommand.Up, 1);
            code.WaitFor(step, 4);
            code.WaitForUp(1, up: false);

            // The runstate of a vCPU, at a place of this guest's own.
            ulong Runstate(uint vcpu)
            {
                var area = code.Variable(0, 48);
                code.VcpuOp(VcpuCommand.GetRunstateInfo, vcpu, area);
                return area;
            }
        }) { Vcpus = 2 },
        new("vcpu-last-down", "the domain powers off when its last vCPU goes down", code =>
        {
            code.Record("before", 1);
            code.Flush();
            code.VcpuOpRecord("down", VcpuCommand.Down, 0);
            code.Record("after", 1);
        }) { Vcpus = 2 },
        new("vcpu-poll", "SCHEDOP_poll hears another vCPU, one port or several, masked or not", code =>
        {
            var (entry, start, step) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Variable());
            var (a, b) = (code.Variable(), code.Variable());
            var ports = code.Variable(0, 16);
            var poll = code.Table(ports, 1, 0);
            code.Asm.jmp(start);

            code.Asm.Label(ref entry);
            for (var round = 1; round <= 3; round++)
            {
                code.WaitFor(step, round);
                // Long enough for the other one to sleep; if it does not, it finds the port pending.
                for (var i = 0; i < 50; i++)
                    code.Call(XenCall.SchedOp, 0, 0);
                code.Call(XenCall.EventChannelOp, (uint)EventCommand.Send, round == 2 ? b : a);
            }

            code.VcpuOp(VcpuCommand.Down, 1);
            code.Asm.ud2();

            code.Asm.Label(ref start);
            code.VcpuOp(VcpuCommand.Initialise, 1, code.VcpuContext(entry, code.Pages(2) + 0x2000));
            foreach (var (port, index) in new[] { (a, 0UL), (b, 1UL) })
            {
                code.Store(port, Operand.At(code.BindIpi()));
                code.Asm.mov(rax, __qword_ptr[port]);
                code.Asm.mov(__dword_ptr[ports + index * 4], eax);
            }

            code.VcpuOp(VcpuCommand.Up, 1);
            code.SetMask(1);
            code.Store(step, 1);
            code.CallRecord("one port", XenCall.SchedOp, 3, poll);
            code.RecordMask("mask");
            code.TakeEvents();
            code.Asm.mov(rcx, __qword_ptr[b]);
            code.Asm.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rcx);
            code.Store32(poll + 8, 2);
            code.Store(step, 2);
            code.CallRecord("two ports, the masked one", XenCall.SchedOp, 3, poll);
            code.RecordMasked("upcall", Operand.At(GuestLayout.SharedInfo), 0xff);
            code.TakeEvents();
            code.Store32(poll + 8, 1);
            var deadline = code.Deadline(20_000_000_000);
            code.Store(poll + 16, Operand.At(deadline));
            code.Store(step, 3);
            code.CallRecord("with a far deadline", XenCall.SchedOp, 3, poll);
            code.RecordPast("deadline past", deadline);
            code.TakeEvents();
            deadline = code.Deadline(30_000_000);
            code.Store(poll + 16, Operand.At(deadline));
            code.CallRecord("nobody sends", XenCall.SchedOp, 3, poll);
            code.RecordPast("its deadline past", deadline);
            code.Store32(poll + 8, 0);
            deadline = code.Deadline(30_000_000);
            code.Store(poll + 16, Operand.At(deadline));
            code.CallRecord("no ports", XenCall.SchedOp, 3, poll);
            code.RecordPast("no ports, its deadline past", deadline);
        }) { Vcpus = 2 },
        new("vcpu-info-refused", "register_vcpu_info: which frames and places it refuses", code =>
        {
            var argument = code.Table(0, 0);
            var page = code.Pages();
            void Place(string name, uint vcpu, Operand frame, ulong offset)
            {
                code.Store(argument, frame);
                code.Store(argument + 8, offset);
                code.VcpuOpRecord(name, VcpuCommand.RegisterVcpuInfo, vcpu, argument);
            }

            code.VcpuOpRecord("bad pointer", VcpuCommand.RegisterVcpuInfo, 0, 0x1000);
            Place("no vcpu", 2, Operand.Mfn(page), 0);
            Place("across the page", 0, Operand.Mfn(page), 0xfc8);
            Place("misaligned", 0, Operand.Mfn(page), 4);
            Place("no frame", 0, 0xfff_ffff_ffffUL, 0);
            Place("a page table", 0, Operand.At(code.TableBaseMfn()), 0);
            code.MakeReadOnly(page);
            code.Mmuext(MmuextCommand.PinL1, Operand.Mfn(page), 0);
            Place("a pinned table", 0, Operand.Mfn(page), 0);
            code.Unpin(page);
            Place("mapped read-only, of a vcpu that is down", 1, Operand.Mfn(page), 0xfc0);
            Place("again elsewhere", 1, Operand.Mfn(page), 0);
            code.MmuextRecord("as a table", MmuextCommand.PinL1, Operand.Mfn(page));
            Place("two in one page", 0, Operand.Mfn(page), 0x40);
            code.RecordMasked("upcall there", Operand.At(page + 0x40), 0xffff);
        }) { Vcpus = 2 },
        new("vcpu-time-area", "register_vcpu_time_memory_area keeps a copy of the vCPU's time", code =>
        {
            var (argument, area) = (code.Variable(), code.Variable(0, 32));
            void Register(string name, uint vcpu, Operand at)
            {
                code.Store(argument, at);
                code.VcpuOpRecord(name, VcpuCommand.RegisterTimeArea, vcpu, argument);
            }

            code.VcpuOpRecord("bad pointer", VcpuCommand.RegisterTimeArea, 0, 0x1000);
            Register("in a hole", 0, 0x1000);
            Register("hypervisor's address", 0, HypervisorAddress);
            Register("not canonical", 0, NotCanonical);
            Register("nowhere", 0, 0);
            Register("vcpu 1", 1, area);
            Register("here", 0, area);
            code.RecordMasked("version is even", Operand.At(area), 1);
            code.RecordEqual("same scale", Operand.At(area + 24), Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.TimeVersion + 24));
        }) { Vcpus = 2 },
        new("vcpu-runstate", "the runstate area: where it may be, what it shows, and the mark of an update", code =>
        {
            var (argument, area, other) = (code.Variable(), code.Variable(0, 48), code.Variable(0, 48));
            var poll = code.Table(0, 0, 0);
            void Register(string name, uint vcpu, Operand at)
            {
                code.Store(argument, at);
                code.VcpuOpRecord(name, VcpuCommand.RegisterRunstateArea, vcpu, argument);
            }

            code.VcpuOpRecord("bad pointer", VcpuCommand.RegisterRunstateArea, 0, 0x1000);
            Register("in a hole", 0, 0x1000);
            Register("hypervisor's address", 0, HypervisorAddress);
            Register("not canonical", 0, NotCanonical);
            Register("nowhere", 0, 0);
            Register("vcpu 1", 1, other);
            code.RecordMasked("state of vcpu 1", Operand.At(other), 0xffff_ffff);
            Register("here", 0, area);
            code.RecordMasked("state", Operand.At(area), 0xffff_ffff);
            foreach (var assist in (string[])["without", "with"])
            {
                var (past, before) = (code.Deadline(30_000_000), code.Variable());
                code.Store(before, Operand.At(area + 16 + 2 * 8));
                code.Store(poll + 16, Operand.At(past));
                code.Call(XenCall.SchedOp, 3, poll);
                code.RecordMasked($"{assist} the mark: state", Operand.At(area), 0xffff_ffff);
                code.Asm.mov(rax, __qword_ptr[area + 8]);
                code.Asm.shr(rax, 63);
                code.Record($"{assist} the mark: highest bit", rax);
                code.Asm.mov(rax, __qword_ptr[area + 16 + 2 * 8]);
                code.Asm.sub(rax, __qword_ptr[before]);
                code.Asm.cmp(rax, 10_000_000);
                code.Asm.mov(eax, 0);
                code.Asm.setae(al);
                code.Record($"{assist} the mark: was blocked", rax);
                code.CallRecord("assist", XenCall.VmAssist, 0, 5);
            }
        }) { Vcpus = 2 },
    ];
}
