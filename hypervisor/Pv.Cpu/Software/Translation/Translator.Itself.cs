using Iced.Intel;
using Pv.Abi;
using static Pv.Cpu.Software.NativeFrame;

namespace Pv.Cpu.Software;

/// <summary>The part that writes the guest's own instructions with the host's registers.</summary>
// SAFETY: as the rest of the class.
internal sealed unsafe partial class Translator
{
    /// <summary>Writes the guest's instruction with host registers. False when it cannot be encoded so; nothing is written then.</summary>
    private bool TryWriteItself(ref NativeWriter writer, in Instruction instruction, int number)
    {
        var start = writer.At;
        var departures = _departures.Count;
        var count = NativeChoice.ShiftCount(instruction);
        var memory = -1;
        var inPlace = count < 0;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory)
                memory = i;
            else if (instruction.GetOpKind(i) == OpKind.Register && Registers.IsGeneral(instruction.GetOpRegister(i)) && !IsInPlace(Number(instruction.GetOpRegister(i))))
                inPlace = false;
        }
        if (memory < 0 && inPlace)
        {
            _bytes.Seen((int)(instruction.IP & PageSize.OffsetMask), instruction.Length).CopyTo(new Span<byte>(writer.At, 16));
            writer.At += instruction.Length;
            return true;
        }

        var changed = instruction;
        var operand = new NativeOperand(-1);
        if (memory >= 0)
        {
            var address = Access(ref writer, instruction, instruction.MemorySize.GetSize(), NativeChoice.Writes(instruction), Operation(number));
            operand = new NativeOperand(R10, 0, address);
            if (NativeChoice.MustBeAligned(instruction))
                CheckAligned(ref writer, address, Operation(number));
        }
        // Registers of the frame pass through scratch registers; the second of two beside memory takes the address's.
        int first = -1, second = -1, firstHost = -1, secondHost = -1;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register || i == count)
                continue;
            var register = instruction.GetOpRegister(i);
            if (!Registers.IsGeneral(register))
                continue;
            var guest = Number(register);
            var host = HostOf(guest);
            if (host < 0)
            {
                if (guest == first)
                    host = firstHost;
                else if (guest == second)
                    host = secondHost;
                else if (second >= 0)
                    return TakeBack(ref writer, start, departures);
                else
                {
                    if (first < 0 && count < 0)
                        host = Rcx;
                    else
                    {
                        if (memory >= 0 && operand.Index >= 0)
                        {
                            writer.Lea(R11, operand);
                            operand = new NativeOperand(R11);
                        }
                        host = memory >= 0 ? R10 : first < 0 ? R10 : R11;
                    }
                    if (!(i == 0 && NativeChoice.WritesFirst(instruction, out var whole) && whole
                        && !(instruction.Op1Kind == OpKind.Register && Number(instruction.Op1Register) == guest)))
                        writer.LoadFrame(host, PlaceOf(guest));
                    if (first < 0)
                        (first, firstHost) = (guest, host);
                    else
                        (second, secondHost) = (guest, host);
                }
            }
            if (register is >= Register.AH and <= Register.BH)
            {
                if (host != guest)
                    return TakeBack(ref writer, start, departures);
                continue;
            }
            changed.SetOpRegister(i, Registers.Of(host, Registers.SizeOf(register)));
        }
        if (memory >= 0)
        {
            changed.SegmentPrefix = Register.None;
            changed.MemoryBase = Register.RAX + operand.Base;
            changed.MemoryIndex = operand.Index < 0 ? Register.None : Register.RAX + operand.Index;
            changed.MemoryIndexScale = 1;
            changed.MemoryDisplacement64 = 0;
            changed.MemoryDisplSize = 0;
        }
        if (count >= 0)
            writer.Move32(Rcx, GuestRcx);
        _sink.At = writer.At;
        if (!_encoder.TryEncode(changed, 0, out _, out _))
            return TakeBack(ref writer, start, departures);
        writer.At = _sink.At;
        if (first >= 0 && IsWritten(instruction, first))
            writer.StoreFrame(PlaceOf(first), firstHost);
        if (second >= 0 && IsWritten(instruction, second))
            writer.StoreFrame(PlaceOf(second), secondHost);
        return true;
    }

    private bool TakeBack(ref NativeWriter writer, byte* start, int departures)
    {
        writer.At = start;
        _departures.RemoveRange(departures, _departures.Count - departures);
        return false;
    }

    private static bool IsWritten(in Instruction instruction, int guest)
        => (instruction.Op0Kind == OpKind.Register && Number(instruction.Op0Register) == guest && NativeChoice.WritesFirst(instruction, out _))
            || (NativeChoice.WritesSecond(instruction) && instruction.Op1Kind == OpKind.Register && Number(instruction.Op1Register) == guest);

    /// <summary>Takes what the encoder writes.</summary>
    private sealed class PointerWriter : CodeWriter
    {
        public byte* At;

        public override void WriteByte(byte value) => *At++ = value;
    }
}
