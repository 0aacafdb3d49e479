using System.Globalization;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>
/// What a call of Linux asked for and what it was answered, without what differs between two boots or two builds of the kernel: addresses,
/// frames, times, and how many elements a list has. Calls of one kind look alike.
/// </summary>
internal static class CallKind
{
    /// <summary>The kind of a call, <c>-></c> and its result.</summary>
    public static string Of(TracedHypercall call)
    {
        var bytes = new GuestBytes(call);
        if ((HypercallNumber)call.Arguments.Number == HypercallNumber.Multicall)
            return Multicall(call, bytes);
        // The frame at iret is all that it reads.
        if ((HypercallNumber)call.Arguments.Number == HypercallNumber.Iret)
            return $"iret to {((bytes.Before<IretContext>(call.Inputs[0].Address).Cs & 3) == 3 ? "user" : "kernel")}";
        return $"{Of(call.Arguments, bytes)} -> {call.Result}";
    }

    private static string Multicall(TracedHypercall call, GuestBytes bytes)
    {
        var entries = Enumerable.Range(0, (int)call.Arguments.Second).Select(i => call.Arguments.First + ((ulong)i * MulticallEntry.WireSize));
        return $"multicall {{ {string.Join(", ", Repetitions.Fold(entries.Select(at => EntryOf(at, bytes))))} }} -> {call.Result}";
    }

    private static string EntryOf(ulong at, GuestBytes bytes)
    {
        var entry = bytes.Before<MulticallEntry>(at);
        ReadOnlySpan<ulong> arguments = entry.Arguments;
        var registers = new HypercallRegisters(entry.Operation, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        return $"{Of(registers, bytes)} -> {bytes.After<long>(at + sizeof(ulong))}";
    }

    private static string Of(HypercallRegisters call, GuestBytes bytes)
    {
        try
        {
            return XenName.Of((HypercallNumber)call.Number) + Details(call, bytes);
        }
        catch (InvalidDataException)
        {
            // A call that is refused at once reads nothing.
            return $"{XenName.Of((HypercallNumber)call.Number)} {call.First} with an argument that was not read";
        }
    }

    private static string Details(HypercallRegisters call, GuestBytes bytes) => (HypercallNumber)call.Number switch
    {
        HypercallNumber.XenVersion => XenVersion(call, bytes),
        HypercallNumber.MmuUpdate => MmuUpdates(call, bytes),
        HypercallNumber.MmuExtOp => MmuExtOperations(call, bytes),
        HypercallNumber.UpdateVaMapping => $" flags={call.Third}",
        HypercallNumber.SetGdt => $" entries={call.Second}",
        HypercallNumber.StackSwitch => $" ss=0x{call.First:x}",
        HypercallNumber.FpuTaskswitch => $" set={call.First}",
        HypercallNumber.SetSegmentBase when (SegmentBase)call.First == SegmentBase.GsUserSelector => $" {XenName.Of(SegmentBase.GsUserSelector)}=0x{call.Second:x}",
        HypercallNumber.SetSegmentBase => $" {XenName.Of<SegmentBase>(call.First)}={IsSet(call.Second)}",
        HypercallNumber.SetDebugRegister => $" {call.First}=0x{call.Second:x}",
        HypercallNumber.UpdateDescriptor => $" 0x{call.Second:x}",
        HypercallNumber.SetTrapTable => Traps(call, bytes),
        HypercallNumber.VmAssist => $" {XenName.Of<VmAssistCommand>(call.First)} {XenName.Of<VmAssistType>(call.Second)}",
        HypercallNumber.ConsoleIo => $" {XenName.Of<ConsoleIoOperation>(call.First)}",
        HypercallNumber.MemoryOp => MemoryOperation(call, bytes),
        HypercallNumber.VcpuOp => VcpuOperation(call, bytes),
        HypercallNumber.SchedOp => SchedOperation(call, bytes),
        HypercallNumber.CallbackOp => Callback(call, bytes),
        HypercallNumber.PhysdevOp => Physdev(call, bytes),
        HypercallNumber.EventChannelOp => EventChannel(call, bytes),
        HypercallNumber.GrantTableOp => GrantTable(call, bytes),
        _ => $" {call.First}",
    };

    private static string XenVersion(HypercallRegisters call, GuestBytes bytes) => (XenVersionOperation)call.First switch
    {
        XenVersionOperation.GetFeatures => $" get_features {bytes.Before<uint>(call.Second)} => 0x{bytes.After<XenFeatureInfo>(call.Second).Submap:x}",
        XenVersionOperation.ExtraVersion => $" extraversion => {bytes.TextAfter(call.Second, VersionLimits.ExtraVersionBytes)}",
        XenVersionOperation.Capabilities => $" capabilities => {bytes.TextAfter(call.Second, VersionLimits.CapabilitiesBytes).TrimEnd()}",
        var operation => $" {XenName.Of(operation)}",
    };

    private static string MmuUpdates(HypercallRegisters call, GuestBytes bytes)
        => " " + string.Join(' ', bytes.Before<MmuUpdate>(call.First, call.Second).Select(update => XenName.Of(update.Kind)).Distinct());

    private static string MmuExtOperations(HypercallRegisters call, GuestBytes bytes)
        => " " + string.Join(", ", Repetitions.Fold(bytes.Before<MmuExt>(call.First, call.Second).Select(operation => XenName.Of(operation.Operation))));

    private static string Traps(HypercallRegisters call, GuestBytes bytes)
    {
        var traps = new List<string>();
        for (var at = call.First; bytes.Before<TrapInfo>(at) is { Address: not 0 } trap; at += TrapInfo.WireSize)
            traps.Add($"{trap.Vector}:{(byte)trap.Flags}");
        return " " + string.Join(' ', traps);
    }

    private static string MemoryOperation(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (MemoryOperation)call.First;
        return " " + XenName.Of(operation) + operation switch
        {
            Abi.MemoryOperation.MachphysMapping => $" => 0x{bytes.After<ulong>(call.Second):x} to 0x{bytes.After<ulong>(call.Second + sizeof(ulong)):x}",
            Abi.MemoryOperation.MemoryMap => $" room={bytes.Before<uint>(call.Second)} => {MemoryMap(call.Second, bytes)}",
            _ => "",
        };
    }

    private static string MemoryMap(ulong at, GuestBytes bytes)
    {
        const ulong entryBytes = 20;
        var ranges = bytes.After<ulong>(at + sizeof(ulong));
        return string.Join(", ", Enumerable.Range(0, (int)bytes.After<uint>(at)).Select(i => ranges + ((ulong)i * entryBytes))
            .Select(entry => $"0x{bytes.After<ulong>(entry):x}+0x{bytes.After<ulong>(entry + 8):x} type {bytes.After<uint>(entry + 16)}"));
    }

    private static string VcpuOperation(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (VcpuOperation)call.First;
        return $" {XenName.Of(operation)}" + operation switch
        {
            Abi.VcpuOperation.IsUp => call.Second < 4 ? $" vcpu={call.Second}" : " vcpu=another",
            Abi.VcpuOperation.SetSingleShotTimer => $" vcpu={call.Second} flags={bytes.Before<uint>(call.Third + sizeof(ulong))}",
            Abi.VcpuOperation.Initialise => $" vcpu={call.Second}{Context(bytes.Before<VcpuGuestContext>(call.Third))}",
            _ => $" vcpu={call.Second}",
        };
    }

    private static string Context(VcpuGuestContext context)
    {
        var registers = context.Registers;
        ReadOnlySpan<TrapInfo> traps = context.Traps;
        ReadOnlySpan<ulong> frames = context.GdtFrames, control = context.ControlRegisters, debug = context.DebugRegisters;
        var vectors = new List<string>();
        foreach (var trap in traps)
        {
            if (trap.Address != 0)
                vectors.Add($"{trap.Vector}:{(byte)trap.Flags}");
        }
        return $" flags=0x{(uint)context.Flags:x} cs=0x{registers.Cs:x} ss=0x{registers.Ss:x} ds=0x{registers.Ds:x} es=0x{registers.Es:x} rflags=0x{registers.Rflags:x}"
            + $" traps={string.Join(',', vectors)} gdt={context.GdtEntries} in {frames.ToArray().Count(frame => frame != 0)} frame(s) ldt={context.LdtEntries}"
            + $" kernel_ss=0x{context.KernelSs:x} control registers set={Set(control)} debug registers set={Set(debug)}"
            + $" event={IsSet(context.EventCallback)} failsafe={IsSet(context.FailsafeCallback)} syscall={IsSet(context.SyscallCallback)}"
            + $" fs={IsSet(context.FsBase)} gs_kernel={IsSet(context.GsBaseKernel)} gs_user={IsSet(context.GsBaseUser)}";
    }

    private static string Set(ReadOnlySpan<ulong> values) => string.Join(',', values.ToArray().Index().Where(value => value.Item != 0).Select(value => value.Index));

    private static string IsSet(ulong address) => address == 0 ? "0" : "base";

    private static string SchedOperation(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (SchedOperation)call.First;
        return $" {XenName.Of(operation)}" + (operation == Abi.SchedOperation.Shutdown ? $" reason={bytes.Before<uint>(call.Second)}" : "");
    }

    private static string Callback(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (CallbackOperation)call.First;
        if (operation != CallbackOperation.Register)
            return $" {XenName.Of(operation)}";
        var callback = bytes.Before<CallbackRegister>(call.Second);
        return $" register {XenName.Of(callback.Type)} flags={(ushort)callback.Flags}";
    }

    private static string Physdev(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (PhysdevOperation)call.First;
        return $" {XenName.Of(operation)}" + (operation == PhysdevOperation.SetIopl ? $" {bytes.Before<uint>(call.Second)}" : "");
    }

    private static string EventChannel(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (EventChannelOperation)call.First;
        var at = call.Second;
        return $" {XenName.Of(operation)}" + operation switch
        {
            EventChannelOperation.Send or EventChannelOperation.Unmask or EventChannelOperation.Close => $" {bytes.Before<EventPort>(at)}",
            EventChannelOperation.SetPriority => $" {bytes.Before<EventPort>(at)} priority={bytes.Before<uint>(at + 4)}",
            EventChannelOperation.BindVcpu => $" {bytes.Before<EventPort>(at)} vcpu={bytes.Before<uint>(at + 4)}",
            EventChannelOperation.BindIpi => $" vcpu={bytes.Before<uint>(at)} => {bytes.After<EventPort>(at + 4)}",
            EventChannelOperation.BindVirq => string.Create(
                CultureInfo.InvariantCulture, $" virq={bytes.Before<uint>(at)} vcpu={bytes.Before<uint>(at + 4)} => {bytes.After<EventPort>(at + 8)}"),
            EventChannelOperation.InitControl => $" vcpu={bytes.Before<uint>(at + 12)} => link_bits={bytes.After<byte>(at + 16)}",
            _ => "",
        };
    }

    private static string GrantTable(HypercallRegisters call, GuestBytes bytes)
    {
        var operation = (GrantTableOperation)call.First;
        var at = call.Second;
        return $" {XenName.Of(operation)}" + operation switch
        {
            GrantTableOperation.SetVersion => $" {bytes.Before<uint>(at)} => {bytes.After<uint>(at)}",
            GrantTableOperation.SetupTable => $" frames={bytes.Before<uint>(at + 4)} => status={bytes.After<short>(at + 8)}",
            GrantTableOperation.QuerySize
                => $" => frames={bytes.After<uint>(at + 4)} max={bytes.After<uint>(at + 8)} status={bytes.After<short>(at + 12)}",
            _ => "",
        };
    }
}
