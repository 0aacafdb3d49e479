using Pv.Abi;
using Pv.Tests.MachineGuests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Benchmarks.Core;

/// <summary>Machine code that times its own null calls: none, single ones, and in multicalls of one entry and of many.</summary>
internal sealed class CallingGuest
{
    private const int LongList = 32, Most = 4096, Loops = 200, Kinds = 4;

    private readonly ulong[] _samples = new ulong[Kinds];
    private ulong _count;

    public void Emit(GuestCode code)
    {
        var a = code.Asm;
        var (list, round, start) = (code.Pages(), a.CreateLabel(), code.Variable());
        _count = code.Variable();
        for (ulong i = 0; i < LongList; i++)
            code.Store(list + i * 64, (ulong)XenCall.XenVersion);
        for (var i = 0; i < Kinds; i++)
            _samples[i] = code.Pages(Most * 8 / 4096);
        code.Call(XenCall.VcpuOp, (uint)VcpuCommand.StopPeriodicTimer, 0, 0);
        a.Label(ref round);
        Time(0, () => a.nop());
        Time(1, () => code.Call(XenCall.XenVersion, 0));
        Time(2, () => code.Call(XenCall.Multicall, list, 1));
        Time(3, () => code.Call(XenCall.Multicall, list, LongList));
        a.inc(__qword_ptr[_count]);
        a.cmp(__qword_ptr[_count], Most);
        a.jb(round);

        void Time(int kind, Action body)
        {
            var again = a.CreateLabel();
            a.rdtsc();
            a.shl(rdx, 32);
            a.or(rax, rdx);
            a.mov(__qword_ptr[start], rax);
            a.mov(ebx, Loops);
            a.Label(ref again);
            body();
            a.dec(ebx);
            a.jne(again);
            a.rdtsc();
            a.shl(rdx, 32);
            a.or(rax, rdx);
            a.sub(rax, __qword_ptr[start]);
            a.mov(rcx, __qword_ptr[_count]);
            a.mov(__qword_ptr[rcx * 8 + unchecked((int)_samples[kind])], rax);
        }
    }

    /// <summary>
    /// Nanoseconds of a null call, of a multicall of one, and of one more entry, once the guest has ended: lower quartiles of the later rounds,
    /// without the loop.
    /// </summary>
    public (double Single, double One, double Entry) Costs(MachineCodeHost host, Mfn first)
    {
        if (host.Words(first, _count, 1)[0] != Most)
            throw new InvalidOperationException("The guest ended before its last round.");
        var costs = new double[Kinds];
        for (var i = 0; i < Kinds; i++)
        {
            var samples = host.Words(first, _samples[i], Most)[(Most / 4)..].ToArray();
            Array.Sort(samples);
            costs[i] = (double)samples[samples.Length / 4] / Loops;
        }
        return (costs[1] - costs[0], costs[2] - costs[0], (costs[3] - costs[2]) / (LongList - 1));
    }
}
