namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Timers: the ticker that every vCPU starts with, the one shot that two hypercalls set, deadlines far away.</summary>
internal static class TimeGuests
{
    private const ulong Millisecond = 1_000_000;

    public static IEnumerable<MachineGuest> All =>
    [
        new("time-ticker", "a vCPU ticks a hundred times a second until it says otherwise, while it runs", code =>
        {
            Prepare(code);
            code.RecordUpcallWithin("from the start", 500 * Millisecond);
            code.VcpuOpRecord("stop", VcpuCommand.StopPeriodicTimer);
            code.TakeEvents();
            code.RecordUpcallWithin("stopped", 60 * Millisecond);
            code.VcpuOpRecord("set", VcpuCommand.SetPeriodicTimer, 0, code.Table(2 * Millisecond));
            code.RecordUpcallWithin("set and running", 500 * Millisecond);
            code.TakeEvents();
            code.RecordUpcallWithin("set and running still", 500 * Millisecond);
            // Asleep it does not tick: the other timer wakes the vCPU.
            code.VcpuOp(VcpuCommand.SetPeriodicTimer, 0, code.Table(20 * Millisecond));
            code.TakeEvents();
            var deadline = code.Deadline(200 * Millisecond);
            code.Call(XenCall.SetTimerOp, Operand.At(deadline));
            code.Try("block", _ => code.Call(XenCall.SchedOp, 1, 0));
            code.RecordPast("slept until the timer", deadline);
        }) { HasOwnTime = true },
        new("time-one-shot", "set_timer_op and the single-shot timer are one", code =>
        {
            Prepare(code);
            code.VcpuOp(VcpuCommand.StopPeriodicTimer);
            code.TakeEvents();
            var shot = code.Table(0, 0);
            void Shoot(string name, ulong after, ulong flags = 0)
            {
                code.Store(shot, Operand.At(code.Deadline(after)));
                code.Store(shot + 8, flags);
                code.VcpuOpRecord(name, VcpuCommand.SetSingleShotTimer, 0, shot);
            }

            void SetTimer(ulong after) => code.Call(XenCall.SetTimerOp, Operand.At(code.Deadline(after)));

            SetTimer(20 * Millisecond);
            code.RecordUpcallWithin("set_timer_op", 500 * Millisecond);
            code.TakeEvents();
            SetTimer(20 * Millisecond);
            code.VcpuOpRecord("stop single shot", VcpuCommand.StopSingleShotTimer);
            code.RecordUpcallWithin("stopped as a single shot", 80 * Millisecond);
            code.TakeEvents();
            Shoot("shoot", 20 * Millisecond, 1);
            code.RecordUpcallWithin("single shot", 500 * Millisecond);
            code.TakeEvents();
            Shoot("shoot again", 20 * Millisecond);
            code.Call(XenCall.SetTimerOp, 0);
            code.RecordUpcallWithin("stopped by set_timer_op", 80 * Millisecond);
            code.TakeEvents();
            Shoot("shoot far", 1000_000 * Millisecond);
            SetTimer(20 * Millisecond);
            code.RecordUpcallWithin("moved nearer", 500 * Millisecond);
            code.TakeEvents();
            code.RecordUpcallWithin("nothing more", 50 * Millisecond);
            Shoot("shoot into the past", unchecked((ulong)-(long)Millisecond), 0);
            code.RecordUpcallWithin("past", 500 * Millisecond);
            code.TakeEvents();
            Shoot("shoot into the past, future only", unchecked((ulong)-(long)Millisecond), 1);
            code.RecordUpcallWithin("past, future only", 80 * Millisecond);
            code.TakeEvents();
            code.Store(shot, 0);
            code.VcpuOpRecord("shoot at 0", VcpuCommand.SetSingleShotTimer, 0, shot);
            code.RecordUpcallWithin("at 0", 500 * Millisecond);
            code.TakeEvents();
            code.Store(shot, ulong.MaxValue);
            code.VcpuOpRecord("shoot at the end of time", VcpuCommand.SetSingleShotTimer, 0, shot);
            code.RecordUpcallWithin("at the end of time", 200 * Millisecond);
            code.TakeEvents();
            code.VcpuOpRecord("shoot by a bad pointer", VcpuCommand.SetSingleShotTimer, 0, 0x1000);
        }) { HasOwnTime = true },
        new("time-far", "a deadline that wrapped, or lies more than 13 days ahead, comes soon", code =>
        {
            Prepare(code);
            code.VcpuOp(VcpuCommand.StopPeriodicTimer);
            foreach (var (name, after) in new[] { ("2^49 ahead", 1UL << 49), ("beyond 2^50 ahead", (1UL << 50) + (1UL << 45)), ("2^62 ahead", 1UL << 62) })
            {
                code.TakeEvents();
                code.Call(XenCall.SetTimerOp, Operand.At(code.Deadline(after)));
                code.RecordUpcallWithin(name, 400 * Millisecond);
            }

            code.TakeEvents();
            code.CallRecord("negative", XenCall.SetTimerOp, -5);
            code.RecordUpcallWithin("negative comes at once", 30 * Millisecond);
            code.RecordUpcallWithin("negative comes", 400 * Millisecond);
        }) { HasOwnTime = true },
    ];

    private static void Prepare(GuestCode code)
    {
        code.SetMask(1);
        code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
        code.EventOpRecord("bind the timer", EventCommand.BindVirq, 0, 0);
        code.TakeEvents();
    }
}
