using Pv.Tests.MachineGuests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Benchmarks.Core;

/// <summary>A guest that sets a timer, sleeps, and notes by how much it was woken too late, over and over.</summary>
internal sealed class TimingGuest
{
    private const ulong Period = 1_000_000;

    private ulong _count, _samples;

    /// <summary>How many samples there can be.</summary>
    public const int Most = 16384;

    public void Emit(GuestCode code)
    {
        var a = code.Asm;
        (_samples, _count) = (code.Pages(Most * 8 / 4096), code.Variable());
        var (bind, again, next, full) = (code.Variable(0, 16), a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        code.Call(XenCall.VcpuOp, (uint)VcpuCommand.StopPeriodicTimer, 0, 0);
        // VIRQ_TIMER, whose upcall leads nowhere but on: blocking opens the mask, and the handler comes back behind it.
        code.Call(XenCall.EventChannelOp, (uint)EventCommand.BindVirq, bind);
        code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
        a.Label(ref again);
        var deadline = code.Deadline(Period);
        code.Call(XenCall.SetTimerOp, Operand.At(deadline));
        code.ArmResume(next, next);
        code.Call(XenCall.SchedOp, 1, 0);
        a.nop();
        a.Label(ref next);
        code.LoadNow();
        a.sub(rax, __qword_ptr[deadline]);
        a.mov(rcx, __qword_ptr[_count]);
        a.cmp(rcx, Most);
        a.jae(full);
        a.mov(__qword_ptr[rcx * 8 + unchecked((int)_samples)], rax);
        a.inc(__qword_ptr[_count]);
        a.Label(ref full);
        code.TakeEvents();
        a.jmp(again);
    }

    /// <summary>How many samples there are by now.</summary>
    public int Count(MachineCodeHost host, Pv.Abi.Mfn first) => (int)host.Words(first, _count, 1)[0];

    /// <summary>Nanoseconds from each deadline to the guest's next instruction, from a sample on.</summary>
    public double[] Samples(MachineCodeHost host, Pv.Abi.Mfn first, int from, int to)
    {
        var words = host.Words(first, _samples, to);
        var samples = new double[to - from];
        for (var i = from; i < to; i++)
            samples[i - from] = (long)words[i];
        return samples;
    }
}
