using System.Runtime.CompilerServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// The slow way to guest memory: translations that the soft TLB has not, accesses that cross a page, frames that bear marks, faults.
/// </summary>
/// <remarks>
/// Check, then commit: an access that touches two pages has both translations before a byte is written. A method that returns null or false
/// has set the exit; the handler just returns.
/// </remarks>
// SAFETY: host addresses come from Translate, which checked frame and rights; lengths stay inside the page they were translated for.
internal static unsafe class GuestMemory
{
    /// <summary>Reads by whatever way. Null after a fault; else where the bytes are: guest memory or the bounce buffer.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte* Read(CpuState* s, Op* op, ulong address, int size)
    {
        if (s->ChecksAlignment && RefusesMisaligned(s, op, address, size))
            return null;
        var first = Translate(s, op, address, PageAccess.Read, size);
        if (first == null)
            return null;
        var here = BytesHere(address);
        if (size <= here)
            return first;
        var second = Translate(s, op, address + (ulong)here, PageAccess.Read, size - here);
        if (second == null)
            return null;
        var bounce = (byte*)s->Bounce;
        new Span<byte>(first, here).CopyTo(new Span<byte>(bounce, size));
        new Span<byte>(second, size - here).CopyTo(new Span<byte>(bounce + here, size - here));
        return bounce;
    }

    /// <summary>Writes by whatever way, and tells whoever watches the frames.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Write(CpuState* s, Op* op, ulong address, void* from, int size)
    {
        if (s->ChecksAlignment && RefusesMisaligned(s, op, address, size))
            return false;
        var first = Translate(s, op, address, PageAccess.Write, size);
        if (first == null)
            return false;
        var here = Math.Min(size, BytesHere(address));
        if (here == size)
        {
            Store(first, from, size);
            Note(s, first, size);
            return true;
        }
        var second = Translate(s, op, address + (ulong)here, PageAccess.Write, size - here);
        if (second == null)
            return false;
        Store(first, from, here);
        Store(second, (byte*)from + here, size - here);
        Note(s, first, here);
        Note(s, second, size - here);
        return true;
    }

    /// <summary>
    /// The bytes of an operand that will be read and then written: where they are, or a copy in the bounce buffer; null after a fault.
    /// <see cref="CommitUpdate"/> must follow.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte* BeginUpdate(CpuState* s, Op* op, ulong address, int size)
    {
        if (s->ChecksAlignment && RefusesMisaligned(s, op, address, size))
            return null;
        var first = Translate(s, op, address, PageAccess.Write, size);
        if (first == null)
            return null;
        var here = BytesHere(address);
        if (size <= here)
            return first;
        var second = Translate(s, op, address + (ulong)here, PageAccess.Write, size - here);
        if (second == null)
            return null;
        var bounce = (byte*)s->Bounce;
        new Span<byte>(first, here).CopyTo(new Span<byte>(bounce, size));
        new Span<byte>(second, size - here).CopyTo(new Span<byte>(bounce + here, size - here));
        return bounce;
    }

    /// <summary>Puts an updated operand in place. Cannot fault after <see cref="BeginUpdate"/> in the same instruction.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void CommitUpdate(CpuState* s, Op* op, ulong address, byte* bytes, int size)
    {
        if (bytes == (byte*)s->Bounce)
            Write(s, op, address, bytes, size);
        else
            Note(s, bytes, size);
    }

    /// <summary>Checks the alignment of an operand that will be read piece by piece. False after #AC.</summary>
    public static bool IsAligned(CpuState* s, Op* op, ulong address, int size) => !s->ChecksAlignment || !RefusesMisaligned(s, op, address, size);

    /// <summary>Checks that a later write of these bytes will not fault.</summary>
    public static bool CanWrite(CpuState* s, Op* op, ulong address, int size)
    {
        if (SoftTlb.TryWrite(s, address, size) != null)
            return true;
        if (s->ChecksAlignment && RefusesMisaligned(s, op, address, size))
            return false;
        if (Translate(s, op, address, PageAccess.Write, size) == null)
            return false;
        var here = BytesHere(address);
        return size <= here || Translate(s, op, address + (ulong)here, PageAccess.Write, size - here) != null;
    }

    /// <summary>
    /// The host address of a byte after a check of the access to its page; null after a fault. <paramref name="size"/> bytes follow, maybe on
    /// the next page: used to tell an access that wraps out of the canonical half.
    /// </summary>
    public static byte* Translate(CpuState* s, Op* op, ulong address, PageAccess access, int size = 1)
    {
        var entry = SoftTlb.EntryOf(s, address);
        var page = address & ~PageSize.OffsetMask;
        if ((access == PageAccess.Read ? entry->ReadKey : access == PageAccess.Write ? entry->WriteKey : entry->FetchKey) + page == 0)
            return (byte*)(address + entry->Addend);
        if (!Core.IsCanonical(address) || !Core.IsCanonical(address + (ulong)(size - 1)))
        {
            Core.Fault(s, op, (op->Segment & Op.StackSegment) != 0 ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection);
            return null;
        }
        var memory = SoftwareVcpu.Of(s).Memory;
        if (!PageWalk.TryWalk(memory, s->Guest->Cr3, address, access, out var translation, out var error))
        {
            Core.Fault(s, op, ExceptionVector.PageFault, (uint)error, address);
            return null;
        }
        var frame = memory.Base + translation.Frame.Address;
        if (s->Probing && access == PageAccess.Write)
            SoftwareVcpu.Of(s).NoteProbedWrite(translation.Frame);
        // While writes are watched, only a write itself may open the straight way for writes.
        var direct = translation.Writable && (!s->Probing || access == PageAccess.Write) && memory.Marks[translation.Frame] == FrameMark.None;
        SoftTlb.Fill(s, address, frame, access, direct);
        return frame + (address & PageSize.OffsetMask);
    }

    /// <summary>Tells the marks' watchers of a write. Own code acts at the next instruction.</summary>
    public static void Note(CpuState* s, byte* host, int size)
    {
        var vcpu = SoftwareVcpu.Of(s);
        var machineAddress = (ulong)(host - vcpu.Memory.Base);
        var frame = Mfn.OfAddress(machineAddress);
        var mark = vcpu.Memory.Marks[frame];
        if (mark != FrameMark.None)
            vcpu.NoteMarkedWrite(frame, mark, (int)(machineAddress & PageSize.OffsetMask), size);
    }

    /// <summary>
    /// #AC for a word, doubleword or quadword off its boundary, an 80-bit number off that of 8 bytes, x87 environments and states off those of
    /// their words (Intel SDM, volume 3, table 6-7). True after the fault. An address that is not canonical faults otherwise.
    /// </summary>
    private static bool RefusesMisaligned(CpuState* s, Op* op, ulong address, int size)
    {
        var boundary = size switch
        {
            2 or 4 or 8 => size,
            10 => 8,
            14 or 94 => 2,
            28 or 108 => 4,
            _ => 1,
        };
        if ((address & (ulong)(boundary - 1)) == 0 || !Core.IsCanonical(address))
            return false;
        Core.Fault(s, op, ExceptionVector.AlignmentCheck);
        return true;
    }

    private static int BytesHere(ulong address) => PageSize.Bytes - (int)(address & PageSize.OffsetMask);

    /// <summary>Sizes of the machine's words are stored in one piece, as the processor does.</summary>
    private static void Store(void* to, void* from, int size)
    {
        switch (size)
        {
            case 1:
                *(byte*)to = *(byte*)from;
                break;
            case 2:
                *(ushort*)to = *(ushort*)from;
                break;
            case 4:
                *(uint*)to = *(uint*)from;
                break;
            case 8:
                *(ulong*)to = *(ulong*)from;
                break;
            default:
                new Span<byte>(from, size).CopyTo(new Span<byte>(to, size));
                break;
        }
    }
}
