using Pv.Tests.MachineGuests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Benchmarks.Core;

/// <summary>Guests that do nothing but make the longest calls that there are, on each of their vCPUs.</summary>
internal static class LoopingGuests
{
    private const ulong Result = 8, Arguments = 16, EntrySize = 64;

    /// <summary>A kind of call, and what its guest prepares before it loops.</summary>
    public static IReadOnlyList<(string Name, Func<GuestCode, Action> Prepare)> All { get; } =
    [
        ("no call, it spins", code => () => code.Asm.nop()),
        ("mmu_update of 16,384", code =>
        {
            const int count = 16384;
            var (list, page) = (code.Pages(count * 16 / 4096), code.Pages());
            code.Store(GuestVariables.SecondScratch, Operand.Entry(page, 0));
            Fill(code, list, count, 16, () => code.Asm.mov(__qword_ptr[rdi], rdx), Operand.At(GuestVariables.SecondScratch));
            return () => code.Call(XenCall.MmuUpdate, list, count, 0, GuestCode.Self);
        }),
        ("pin and unpin of 100 tables", code => DeepTable(code, lastIsBad: false)),
        ("pin of 100 tables, refused", code => DeepTable(code, lastIsBad: true)),
        ("multicall of 1,024 of 1 KiB", code =>
        {
            const int count = 1024;
            var (list, buffer) = (code.Pages(count * 64 / 4096), code.Pages());
            Fill(code, list, count, (int)EntrySize, () =>
            {
                code.Asm.mov(__qword_ptr[rdi], (int)XenCall.XenVersion);
                code.Asm.mov(__qword_ptr[rdi + (int)Arguments], 3);
                code.Asm.mov(__qword_ptr[rdi + (int)Arguments + (int)Result], rdx);
            }, buffer);
            return () => code.Call(XenCall.Multicall, list, count);
        }),
        ("grant copy of 1,000 pages", code =>
        {
            const int count = 1000;
            var (list, page) = (code.Pages(10), code.Pages());
            // Both sides are the guest's own page, by its number: no grant is asked.
            Fill(code, list, count, 40, () =>
            {
                code.Asm.mov(__qword_ptr[rdi], rdx);
                code.Asm.mov(__dword_ptr[rdi + 8], (int)GuestCode.Self);
                code.Asm.mov(__qword_ptr[rdi + 16], rdx);
                code.Asm.mov(__dword_ptr[rdi + 24], (int)GuestCode.Self);
                code.Asm.mov(__dword_ptr[rdi + 32], 4096);
            }, Operand.Mfn(page));
            return () => code.Call(XenCall.GrantTableOp, 5, list, count);
        }),
        ("memory of 512 frames comes and goes", code =>
        {
            var (list, argument) = (code.Pages(2), code.Table(0, 512, 0, GuestCode.Self));
            code.Store(argument, list);
            return () =>
            {
                code.Call(XenCall.MemoryOp, 0, argument);
                code.Call(XenCall.MemoryOp, 1, argument);
            };
        }),
        ("two extents of 2 MiB come and go", code =>
        {
            var (list, argument) = (code.Pages(), code.Table(0, 2, 9, GuestCode.Self));
            code.Store(argument, list);
            return () =>
            {
                code.Call(XenCall.MemoryOp, 0, argument);
                code.Call(XenCall.MemoryOp, 1, argument);
            };
        }),
        ("4 MiB exchanged for larger extents", code =>
        {
            // Every second frame, so that none of those that go has a neighbour that goes.
            const ulong frames = 1024;
            var (all, every, large) = (code.Pages(4), code.Pages(2), code.Pages());
            var increase = code.Table(0, 2 * frames, 0, GuestCode.Self);
            code.Store(increase, all);
            code.Call(XenCall.MemoryOp, 0, increase);
            for (ulong i = 0; i < frames; i++)
                code.Store(every + i * 8, Operand.At(all + i * 16));
            var (join, split) = (Exchange(code, every, frames, 0, large, 2, 9), Exchange(code, large, 2, 9, every, frames, 0));
            return () =>
            {
                // How far it came.
                code.Store(join + 64, 0);
                code.Call(XenCall.MemoryOp, 11, join);
                code.Store(split + 64, 0);
                code.Call(XenCall.MemoryOp, 11, split);
            };
        }),
        ("a grant table of 64 frames, both forms", code =>
        {
            var (frames, setup) = (code.Pages(), code.Table(GuestCode.Self | 64ul << 32, 0, 0));
            code.Store(setup + 16, frames);
            code.Call(XenCall.GrantTableOp, 2, setup, 1);
            var versions = (ReadOnlySpan<ulong>)[code.Table(2), code.Table(1)];
            var list = code.Pages();
            for (ulong i = 0; i < 8; i++)
            {
                code.Store(list + i * EntrySize, (ulong)XenCall.GrantTableOp);
                code.Store(list + i * EntrySize + Arguments, 8);
                code.Store(list + i * EntrySize + Arguments + 8, versions[(int)i % 2]);
                code.Store(list + i * EntrySize + Arguments + 16, 1);
            }
            return () => code.Call(XenCall.Multicall, list, 8);
        }),
        ("set_gdt of 14 frames", code =>
        {
            var (pages, list) = (code.Pages(14), code.Pages());
            for (ulong i = 0; i < 14; i++)
            {
                code.MakeReadOnly(pages + (i << 12));
                code.Store(list + i * 8, Operand.Mfn(pages + (i << 12)));
            }
            return () =>
            {
                code.Call(XenCall.SetGdt, list, 14 * 512);
                code.Call(XenCall.SetGdt, list, 0);
            };
        }),
    ];

    /// <summary>Brings up the other vCPUs; then each does the same for ever.</summary>
    public static void Emit(GuestCode code, int vcpus, Func<GuestCode, Action> prepare)
    {
        var call = prepare(code);
        var loop = code.Asm.CreateLabel();
        for (uint i = 1; i < vcpus; i++)
        {
            var stack = code.Pages() + 0x1000;
            code.VcpuOp(VcpuCommand.Initialise, i, code.VcpuContext(loop, stack));
            code.VcpuOp(VcpuCommand.Up, i);
        }
        code.Asm.Label(ref loop);
        call();
        code.Asm.jmp(loop);
    }

    /// <summary>The argument of an exchange: extents that go, extents that come, how many are done.</summary>
    private static ulong Exchange(GuestCode code, ulong given, ulong givenCount, ulong givenOrder, ulong wanted, ulong wantedCount, ulong wantedOrder)
    {
        var exchange = code.Table(0, givenCount, givenOrder, GuestCode.Self, 0, wantedCount, wantedOrder, GuestCode.Self, 0);
        code.Store(exchange, given);
        code.Store(exchange + 32, wanted);
        return exchange;
    }

    /// <summary>Writes so many elements; rdi is at each, rdx has the value. Clobbers rax and rcx, too.</summary>
    private static void Fill(GuestCode code, ulong list, int count, int size, Action element, Operand value)
    {
        var next = code.Asm.CreateLabel();
        value.Load(code.Asm, rdx);
        code.Asm.mov(rdi, list);
        code.Asm.mov(ecx, count);
        code.Asm.Label(ref next);
        element();
        code.Asm.add(rdi, size);
        code.Asm.dec(ecx);
        code.Asm.jne(next);
    }

    private static Action DeepTable(GuestCode code, bool lastIsBad)
    {
        const int tables = 100;
        const ulong flags = 0x67, readOnly = 0x65;
        var (l4, l3, l2, l1, page) = (code.Pages(), code.Pages(), code.Pages(), code.Pages(tables), code.Pages());
        Fill(code, l1, tables * 512, 8, () => code.Asm.mov(__qword_ptr[rdi], rdx), Operand.Entry(page, readOnly));
        for (ulong i = 0; i < tables; i++)
        {
            code.Store(l2 + i * 8, Operand.Entry(l1 + (i << 12), flags));
            code.MakeReadOnly(l1 + (i << 12));
        }
        code.Store(l3, Operand.Entry(l2, flags));
        if (lastIsBad)
            code.Store(l3 + 511 * 8, 0x7fff_ffff_f001);
        code.Store(l4, Operand.Entry(l3, flags));
        foreach (var table in (ReadOnlySpan<ulong>)[l2, l3, l4])
            code.MakeReadOnly(table);
        var (pin, unpin) = (code.Table((ulong)MmuextCommand.PinL4, 0, 0), code.Table((ulong)MmuextCommand.Unpin, 0, 0));
        code.Store(pin + 8, Operand.Mfn(l4));
        code.Store(unpin + 8, Operand.Mfn(l4));
        return () =>
        {
            code.Call(XenCall.MmuextOp, pin, 1, 0, GuestCode.Self);
            code.Call(XenCall.MmuextOp, unpin, 1, 0, GuestCode.Self);
        };
    }
}
