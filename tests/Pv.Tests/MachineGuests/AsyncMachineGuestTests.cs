using NUnit.Framework;
using Pv.Tests.Instructions;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests;

/// <summary>Machine-code guests use queues of asynchronous hypercalls. Real Xen has none, so what they answer stands here.</summary>
[TestFixture(Tier.Interpreted)]
[TestFixture(Tier.Translated)]
internal sealed class AsyncMachineGuestTests(int translateAfter)
{
    private const ulong VersionNumber = 4ul << 16 | 17, ForLong = 60_000_000_000;
    private const ulong BatchSize = 32;

    [TestCase(false)]
    [TestCase(true)]
    public void A_kernel_finds_it_where_it_is_allowed(bool allowed)
    {
        var rows = Run(new MachineGuest("async-discovery", "the leaves and the number", code =>
        {
            foreach (var leaf in new uint[] { 0x4000_0000, 0x4000_0200, 0x4000_0201, 0x4000_0202 })
            {
                code.Asm.mov(eax, leaf);
                code.Asm.xor(ecx, ecx);
                // Xen's forced emulation of cpuid.
                code.Asm.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
                code.Record($"{leaf:x} eax", rax);
                code.Record($"{leaf:x} ebx", rbx);
                code.Record($"{leaf:x} ecx", rcx);
                code.Record($"{leaf:x} edx", rdx);
            }

            code.CallRecord("query", GuestCode.AsyncOp, 0);
            code.CallRecord("kick", GuestCode.AsyncOp, GuestCode.AsyncKick);
        }) { AsyncHypercalls = allowed });
        Assert.That(rows["40000000 eax"], Is.EqualTo(0x4000_0005));
        uint[] leaves = [0x4000_0201, 0x73417650, 0x43636e79, 0x736c6c61, 1, 55, 1024, 0, 0, 0, 0, 0];
        string[] registers = ["eax", "ebx", "ecx", "edx"];
        for (var i = 0; i < leaves.Length; i++)
            Assert.That(rows[$"{0x4000_0200 + i / 4:x} {registers[i % 4]}"], Is.EqualTo(allowed ? leaves[i] : 0), $"{i}");
        Assert.That((rows["query"], rows["kick"]), Is.EqualTo(allowed ? (1L, -2L) : (-38L, -38L)));
    }

    /// <summary>While the service is awake nothing but the ring is needed: more rounds are not one exit more.</summary>
    [Test]
    public void Batches_of_32_take_no_exit_while_the_service_is_awake()
    {
        var (few, many) = (Exits(10), Exits(210));
        Assert.That(many["syscall"], Is.EqualTo(few["syscall"]), "exits for 200 more batches of 32 calls");
        Assert.That(many.GetValueOrDefault("exception"), Is.EqualTo(few.GetValueOrDefault("exception")));

        IReadOnlyDictionary<string, ulong> Exits(int rounds)
        {
            using var run = new MachineGuestRun(translateAfter, pcpus: 2) { AsyncPollNanoseconds = ForLong };
            var rows = Rows(run, new MachineGuest("async-steady", "batches without exits", code => Steady(code, rounds)) { AsyncHypercalls = true });
            Assert.That((rows["set up"], rows["wrong"], rows["kicks"], rows["flags"]), Is.EqualTo((0L, 0L, 1L, 0L)), run.Log);
            Assert.That(rows["made"], Is.EqualTo(rounds * (long)BatchSize));
            return run.Exits;
        }
    }

    [Test]
    public void What_a_kernel_maps_through_its_queue_it_sees_at_once()
    {
        const int rounds = 100;
        var rows = Run(new MachineGuest("async-mappings", "update_va_mapping and mmu_update with flushes of the vCPU that runs", code =>
        {
            var (window, first, second) = (code.Pages(), code.Pages(), code.Pages());
            var (wrong, failed) = (code.Variable(), code.Variable());
            code.Store(first, 0x1111);
            code.Store(second, 0x2222);
            var (machine, _) = code.EntryOf(window, 1);
            var update = code.Variable(0, 16);
            var queue = code.SetUpQueue();
            code.Record("set up", rax);
            var round = code.Asm.CreateLabel();
            code.Asm.mov(r12d, rounds);
            code.Asm.Label(ref round);
            // By address with one page flushed, by entry with all flushed, in one batch and in order.
            code.AddCall(queue, XenCall.UpdateVaMapping, window, Operand.Entry(first, GuestCode.Writable), 2);
            Expect(code, queue, window, 0x1111, wrong, failed, 1);
            code.Store(update, Operand.At(machine));
            code.Store(update + 8, Operand.Entry(second, GuestCode.Writable));
            code.AddCall(queue, XenCall.MmuUpdate, update, 1, 0, GuestCode.Self);
            code.AddCall(queue, XenCall.UpdateVaMapping, window, Operand.Entry(second, GuestCode.Writable), 1);
            Expect(code, queue, window, 0x2222, wrong, failed, 2);
            code.Asm.dec(r12d);
            code.Asm.jne(round);
            code.Record("wrong", Operand.At(wrong));
            code.Record("failed", Operand.At(failed));
            code.CallQueuedRecord("a hole", queue, XenCall.UpdateVaMapping, 0x1000, 0, 0);
            code.CallQueuedRecord("a table", queue, XenCall.UpdateVaMapping, window, Operand.At(machine), 0);
            code.CallQueuedRecord("iret", queue, XenCall.Iret);
            code.CallQueuedRecord("nothing", queue, (XenCall)60);
            code.CallRecord("tear down", GuestCode.AsyncOp, GuestCode.AsyncTearDown);
            code.CallRecord("and again", GuestCode.AsyncOp, GuestCode.AsyncTearDown);
        }) { AsyncHypercalls = true }, pcpus: 2);
        Assert.That((rows["set up"], rows["wrong"], rows["failed"]), Is.EqualTo((0L, 0L, 0L)));
        Assert.That((rows["a hole"], rows["iret"], rows["nothing"]), Is.EqualTo((-22L, -95L, -38L)));
        Assert.That((rows["tear down"], rows["and again"]), Is.EqualTo((0L, -2L)));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void A_kernel_that_waits_for_its_port_is_woken_by_the_completion(int pcpus)
    {
        var rows = Run(new MachineGuest("async-event", "a completion by an event", code =>
        {
            var port = code.BindIpi();
            var (poll, ports) = (code.Variable(0, 24), code.Variable());
            var queue = code.SetUpQueue(Operand.At(port));
            code.Record("set up", rax);
            code.Store(poll, ports);
            code.Store(poll + 8, 1);
            code.Store(ports, Operand.At(port));
            var round = code.Asm.CreateLabel();
            code.Asm.mov(r12d, 20);
            code.Asm.Label(ref round);
            for (var i = 0; i < 3; i++)
                code.AddCall(queue, XenCall.XenVersion, 0, 0);
            // An event when the third is there.
            code.Asm.mov(eax, __dword_ptr[queue.Submitted]);
            code.Asm.mov(__dword_ptr[queue.Header + 8], eax);
            code.Publish(queue);
            code.Call(XenCall.SchedOp, 3, poll);
            code.Asm.mov(rax, __qword_ptr[port]);
            code.Asm.btr(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventPending], rax);
            code.Asm.mov(eax, __dword_ptr[queue.Header + 68]);
            code.Asm.sub(eax, __dword_ptr[queue.Submitted]);
            code.Record("missing", rax);
            for (var i = 0; i < 3; i++)
                code.TakeCall(queue);
            code.Asm.dec(r12d);
            code.Asm.jne(round);
        }) { AsyncHypercalls = true }, pcpus, every: row => Assert.That(row.Name != "missing" || row.Value == 0, $"{row}"));
        Assert.That((rows["set up"], rows["missing"]), Is.EqualTo((0L, 0L)));
    }

    private static void Steady(GuestCode code, int rounds)
    {
        var (wrong, made) = (code.Variable(), code.Variable());
        var queue = code.SetUpQueue();
        code.Record("set up", rax);
        var (round, write, check, right) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel());
        code.Asm.mov(r12d, rounds);
        code.Asm.Label(ref round);
        code.Asm.mov(r13d, (int)BatchSize);
        code.Asm.Label(ref write);
        code.AddCall(queue, XenCall.XenVersion, 0, 0);
        code.Asm.dec(r13d);
        code.Asm.jne(write);
        code.Publish(queue);
        code.AwaitCalls(queue);
        code.Asm.mov(r13d, (int)BatchSize);
        code.Asm.Label(ref check);
        code.TakeCall(queue);
        code.Asm.sub(rax, (int)VersionNumber);
        code.Asm.sub(rcx, __qword_ptr[made]);
        code.Asm.inc(__qword_ptr[made]);
        code.Asm.or(rax, rcx);
        code.Asm.je(right);
        code.Asm.inc(__qword_ptr[wrong]);
        code.Asm.Label(ref right);
        code.Asm.dec(r13d);
        code.Asm.jne(check);
        code.Asm.dec(r12d);
        code.Asm.jne(round);
        code.Record("wrong", Operand.At(wrong));
        code.Record("made", Operand.At(made));
        code.Record("kicks", Operand.At(queue.Kicks));
        code.Record32("flags", queue.Header + 72);
    }

    /// <summary>Has what was added made, and looks through the window; counts what is wrong.</summary>
    private static void Expect(GuestCode code, GuestQueue queue, ulong window, ulong value, ulong wrong, ulong failed, int calls)
    {
        // The old translation is in use right before.
        code.Asm.mov(rax, __qword_ptr[window]);
        code.Publish(queue);
        code.AwaitCalls(queue);
        var right = code.Asm.CreateLabel();
        code.Asm.mov(rax, __qword_ptr[window]);
        code.Asm.cmp(rax, (int)value);
        code.Asm.je(right);
        code.Asm.inc(__qword_ptr[wrong]);
        code.Asm.Label(ref right);
        for (var i = 0; i < calls; i++)
        {
            var done = code.Asm.CreateLabel();
            code.TakeCall(queue);
            code.Asm.test(rax, rax);
            code.Asm.je(done);
            code.Asm.inc(__qword_ptr[failed]);
            code.Asm.Label(ref done);
            code.Asm.nop();
        }
    }

    private Dictionary<string, long> Run(MachineGuest guest, int pcpus = 1, Action<GuestRow>? every = null)
    {
        using var run = new MachineGuestRun(translateAfter, pcpus);
        return Rows(run, guest, every);
    }

    private static Dictionary<string, long> Rows(MachineGuestRun run, MachineGuest guest, Action<GuestRow>? every = null)
    {
        var rows = new Dictionary<string, long>();
        foreach (var row in run.Run(guest))
        {
            every?.Invoke(row);
            rows[row.Name] = row.Value;
        }
        Assert.That(rows[RealXenAnswers.Shutdown], Is.Zero, run.Log);
        return rows;
    }
}
