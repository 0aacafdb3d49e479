using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests;

// Words about event channels.
internal sealed partial class GuestCode
{
    private ulong _eventArgument;

    /// <summary>Where <see cref="EventOp"/> has its argument.</summary>
    public ulong EventArgument => _eventArgument != 0 ? _eventArgument : _eventArgument = Variable(0, 32);

    /// <summary>One <c>event_channel_op</c> with these quadwords as its argument; the result is in rax. Returns the argument's address.</summary>
    public ulong EventOp(EventCommand command, params ReadOnlySpan<Operand> words)
    {
        var argument = EventArgument;
        for (var i = 0; i < words.Length; i++)
            Store(argument + (ulong)i * 8, words[i]);
        Call(XenCall.EventChannelOp, (uint)command, argument);
        return argument;
    }

    public void EventOpRecord(string name, EventCommand command, params ReadOnlySpan<Operand> words)
    {
        EventOp(command, words);
        Record(name, rax);
    }

    /// <summary>A variable that holds a new IPI port of a vCPU; the result of the call is in rax.</summary>
    public ulong BindIpi(uint vcpu = 0)
    {
        var port = Variable();
        var argument = EventOp(EventCommand.BindIpi, (ulong)vcpu);
        Asm.mov(ecx, __dword_ptr[argument + 4]);
        Asm.mov(__qword_ptr[port], rcx);
        return port;
    }

    /// <summary>A variable that holds a new port, bound to another one of the guest's own, which sends to it; both notify vCPU 0.</summary>
    public (ulong Port, ulong Sender) BindLoop()
    {
        var (port, sender) = (Variable(), Variable());
        var argument = EventOp(EventCommand.AllocUnbound, Self | Self << 16);
        Asm.mov(ecx, __dword_ptr[argument + 4]);
        Asm.mov(__qword_ptr[port], rcx);
        Asm.mov(rax, rcx);
        Asm.shl(rax, 32);
        Asm.or(rax, (int)Self);
        EventOp(EventCommand.BindInterdomain, rax);
        Asm.mov(ecx, __dword_ptr[argument + 8]);
        Asm.mov(__qword_ptr[sender], rcx);
        return (port, sender);
    }

    /// <summary>A variable that holds the guest's own number, which it finds in the status of a port to itself. Clobbers rbx, too.</summary>
    public ulong OwnDomain()
    {
        var own = Variable();
        var argument = EventOp(EventCommand.AllocUnbound, Self | Self << 16);
        Asm.mov(ebx, __dword_ptr[argument + 4]);
        Asm.shl(rbx, 32);
        Asm.or(rbx, (int)Self);
        EventOp(EventCommand.Status, rbx);
        Asm.movzx(eax, __word_ptr[argument + 16]);
        Asm.mov(__qword_ptr[own], rax);
        return own;
    }

    /// <summary>Records four bytes.</summary>
    public void Record32(string name, ulong address)
    {
        Asm.mov(eax, __dword_ptr[address]);
        Record(name, rax);
    }
}

/// <summary><c>EVTCHNOP_*</c>.</summary>
internal enum EventCommand : uint
{
    BindInterdomain = 0, BindVirq = 1, BindPirq = 2, Close = 3, Send = 4, Status = 5, AllocUnbound = 6, BindIpi = 7, BindVcpu = 8, Unmask = 9,
    Reset = 10, InitControl = 11, ExpandArray = 12, SetPriority = 13,
}
