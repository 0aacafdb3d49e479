namespace Pv.Cpu.Software;

/// <summary>The part that goes between the interpreter and translated code.</summary>
// SAFETY: places in the data come from the code that was written here; blocks and links of an emptied cache are told by its generation.
internal sealed unsafe partial class SoftwareVcpu
{
    private readonly NativeCode? _native;
    private readonly Translator? _translator;
    private NativeLink* _pendingLink;
    private int _linkGeneration;

    /// <summary>The interpreter must do at least one instruction before translated code goes on.</summary>
    private bool _interpretNext;

    /// <summary>How often a block is interpreted before it is translated; 0 where nothing is.</summary>
    public int TranslateAfter { get; }

    /// <summary>Runs from a block on, translated when it is.</summary>
    private void RunTiered(CpuState* s, Block* block, int generation)
    {
        var link = _linkGeneration == generation && generation == _decoder.Generation ? _pendingLink : null;
        _pendingLink = null;
        if (block->Native == null || _interpretNext || s->ChecksAlignment)
        {
            var first = block->Native == null ? (Op*)(block + 1) : Block.First(block);
            _interpretNext = false;
            first->Handler(s, first);
            if (s->Hot != null)
                Translate(s);
            return;
        }
        _native!.Remember(s, block->Native);
        // The vCPU may have left since the link was met, and come back elsewhere.
        if (link != null && link->Rip == block->Rip)
            _native.Connect(link, block->Native);
        RunTranslated(s, block->Native->Entry);
    }

    private void Translate(CpuState* s)
    {
        var block = s->Hot;
        s->Hot = null;
        if (!_translator!.HasRoom)
        {
            _decoder.Forget();
            return;
        }
        var first = (Op*)(block + 1);
        block->Native = _translator.Translate(block);
        first->Handler = block->Native != null ? &Leaving.Enter : &Leaving.Pass;
    }

    /// <summary>Runs translated code until it leads to something that is not.</summary>
    private void RunTranslated(CpuState* s, byte* code)
    {
        s->NativeVectorsAway = 1;
        while (true)
        {
            s->NativeVectorsRefused = RefusesVectors(s) ? 1u : 0;
            s->NativeFlags = ToNative(Flags.Get(s));
            var number = _native!.Enter(s, code);
            Flags.SetExplicit(s, OfNative(s->NativeFlags));
            var place = _native.Data + (number & ~7ul);
            switch ((NativeExit)(number & 7))
            {
                case NativeExit.Operation:
                    var op = (Op*)place;
                    s->IsDone = false;
                    op->Handler(s, op);
                    if (!s->IsDone)
                        return;
                    // Behind its first vector instruction a translation counts on the registers.
                    if (Core.BlockOf(op)->Dropped || (s->NativeVectorsAway == 0 && RefusesVectors(s)))
                    {
                        Core.Complete(s, op, Core.NextRip(op));
                        return;
                    }
                    code = NativeBlock.ResumeOf(op);
                    continue;
                case NativeExit.Link:
                    _pendingLink = (NativeLink*)place;
                    _linkGeneration = _decoder.Generation;
                    s->Rip = _pendingLink->Rip;
                    return;
                case NativeExit.Limit:
                    s->Rip = ((NativeLink*)place)->Rip;
                    return;
                case NativeExit.Interpret:
                    s->Retired += ((Op*)place)->Count;
                    s->Rip = Core.RipOf((Op*)place);
                    _interpretNext = true;
                    return;
                case NativeExit.Stale:
                    s->Rip = ((NativeBlock*)place)->Rip;
                    return;
                default:
                    if (!Core.IsCanonical(s->Rip))
                        TakeBackJump(s, (Op*)(_native.Data + s->NativeSite));
                    return;
            }
        }
    }

    /// <summary>An indirect jump or a return that led to no address: it faults, and has done nothing.</summary>
    private static void TakeBackJump(CpuState* s, Op* op)
    {
        s->Retired -= op->Count + 1;
        Core.Reg(s, 4) -= (uint)op->Imm;
        Core.Fault(s, op, ExceptionVector.GeneralProtection);
    }

    /// <summary>
    /// Whether the interpreter must do what uses vector registers: it raises #NM, and exceptions of arithmetic, which the host must not see.
    /// </summary>
    private static bool RefusesVectors(CpuState* s)
    {
        const uint masks = 0x1f80, known = 0xffff;
        var control = *(uint*)((byte*)&s->Guest->Fx + 24);
        return s->Guest->TaskSwitched || (control & (masks | ~known)) != masks;
    }

    private static ulong ToNative(uint flags) => ((flags >> 11) & 1) | ((flags & 0xd5) << 8);

    private static uint OfNative(ulong flags) => ((uint)flags & 1) << 11 | ((uint)(flags >> 8) & 0xd5);
}
