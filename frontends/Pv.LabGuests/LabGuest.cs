using Pv.Abi;
using Pv.Guest;

namespace Pv.LabGuests;

/// <summary>
/// The C# guest of <c>xl lab</c>: it lays its memory open for the lab in Dom0, and does what stands in its control page. It tells where that is
/// in its node <c>data/lab</c>: the first of the frames that it was asked for, the first of the frame numbers without memory, and the frame of shared_info.
/// </summary>
public sealed class LabGuest : GuestKernel
{
    // How many the lab wants of each, in a row.
    private const string PagesWord = "pages=", SlotsWord = "slots=";

    protected override async Task MainAsync(GuestContext guest)
    {
        // Lists of a hypercall may be longer than a frame.
        var first = TakeRow(guest.Memory.Allocate, Number(guest, PagesWord));
        var slot = TakeRow(guest.Memory.TakeSlot, Number(guest, SlotsWord));
        var memory = new LabMemory(guest.Memory);
        var lab = guest.Events.AllocUnbound(DomId.Dom0);
        memory.WriteWord(first.Address + LabControl.Port, lab.Port.Value);
        await guest.XenStore.WriteAsync("data/lab", $"{first.Value} {slot.Value} {guest.SharedInfo.Value}");
        await ServeAsync(guest, memory, first.Address, lab);
    }

    private static async Task ServeAsync(GuestContext guest, LabMemory memory, ulong control, EventChannel lab)
    {
        var programs = new Dictionary<ulong, LabProgram>();
        AsyncQueue? queue = null;
        var peer = new LabPeer(guest, memory, control, lab);
        while (await lab.WaitAsync())
        {
            var command = memory.ReadWord(control + LabControl.Command);
            if (command == memory.ReadWord(control + LabControl.Done))
                continue;
            var rounds = memory.ReadWord(control + LabControl.Rounds);
            switch ((LabTask)memory.ReadWord(control + LabControl.Task))
            {
                case LabTask.Program:
                    RunProgram(guest, memory, control, programs, queue, rounds);
                    break;
                case LabTask.OpenQueue:
                    queue = OpenQueue(guest, memory, control, (uint)rounds);
                    break;
                case var task:
                    await peer.RunAsync(task, (int)rounds);
                    break;
            }
            memory.WriteWord(control + LabControl.Done, command);
            lab.Notify();
        }
    }

    private static void RunProgram(GuestContext guest, LabMemory memory, ulong control, Dictionary<ulong, LabProgram> programs, AsyncQueue? queue, ulong rounds)
    {
        var address = memory.ReadWord(control + LabControl.Program);
        if (!programs.TryGetValue(address, out var program))
            programs[address] = program = new LabProgram(memory, address, (int)memory.ReadWord(control + LabControl.StepCount));
        var started = guest.Clock.Now;
        program.Run(guest.Hypercalls, memory, queue, rounds);
        var ended = guest.Clock.Now;
        memory.WriteWord(control + LabControl.Started, started);
        memory.WriteWord(control + LabControl.Ended, ended);
        program.Publish(memory);
    }

    private static AsyncQueue? OpenQueue(GuestContext guest, LabMemory memory, ulong control, uint entries)
    {
        var answer = memory.ReadWord(control + LabControl.Samples);
        try
        {
            var queue = guest.OpenAsyncQueue(entries);
            memory.WriteWord(answer, 0);
            return queue;
        }
        catch (HypercallException refused)
        {
            memory.WriteWord(answer, (ulong)refused.Errno);
            return null;
        }
    }

    /// <summary>Takes frames, or numbers without memory, until so many of them are in a row. Returns the first.</summary>
    private static Pfn TakeRow(Func<Pfn> take, int count)
    {
        var first = take();
        for (var taken = 1; taken < count; taken++)
        {
            var next = take();
            if (next != first.Plus((ulong)taken))
                (first, taken) = (next, 0);
        }
        return first;
    }

    private static int Number(GuestContext guest, string word)
        => int.Parse(guest.CommandLine.Split(' ').First(one => one.StartsWith(word, StringComparison.Ordinal))[word.Length..]);
}
