namespace Pv.Cpu.Software;

/// <summary>
/// One x87 instruction from its first look at the unit to its last word to it: pending exceptions, stack faults, what was raised, and the
/// pointers that a handler of exceptions reads.
/// </summary>
/// <remarks>
/// Nothing of the unit changes before <see cref="Complete"/> but by the instruction's own delivery, which asks <see cref="Delivers"/> first;
/// so a fault on memory leaves all as it was.
/// </remarks>
// SAFETY: see X87Unit.
internal unsafe ref struct X87Instruction(CpuState* s, Op* op, GeneralRecord* record)
{
    public readonly X87Unit Unit = new(s);
    public FloatStatus Float;
    private ushort _conditions;
    private ushort _conditionsKnown;
    private bool _stackFault;
    private bool _keepsC1;

    /// <summary>
    /// Begins a waiting instruction. False after #NM, or after #MF when an unmasked exception is pending.
    /// </summary>
    public static bool TryBegin(CpuState* s, Op* op, GeneralRecord* record, out X87Instruction instruction)
    {
        instruction = new X87Instruction(s, op, record);
        if (!Xmm.IsAvailable(s, op))
            return false;
        if ((instruction.Unit.Status & X87Status.Summary) != 0)
            return Core.Fault(s, op, ExceptionVector.MathFault);
        instruction.Float = FloatStatus.OfControlWord(instruction.Unit.Control);
        return true;
    }

    /// <summary>C0, C2 or C3 (several) become known; C1 is set by <see cref="Complete"/> unless it is among them.</summary>
    public void SetConditions(int known, int values)
    {
        _conditionsKnown |= (ushort)known;
        _conditions = (ushort)((_conditions & ~known) | values);
    }

    /// <summary>C1 stays as it is unless there is a stack fault (<c>fnop</c>, <c>fcmov</c>, <c>fcomi</c>).</summary>
    public void KeepC1() => _keepsC1 = true;

    /// <summary>Looks whether a source register holds something. False after a stack underflow; then <see cref="Delivers"/> decides.</summary>
    public bool IsFull(int i)
    {
        if (!Unit.IsEmpty(i))
            return true;
        RaiseStackFault(overflow: false);
        return false;
    }

    /// <summary>Looks whether there is room for a push. False after a stack overflow.</summary>
    public bool HasRoom()
    {
        if (Unit.IsEmpty(-1))
            return true;
        RaiseStackFault(overflow: true);
        return false;
    }

    public void RaiseStackFault(bool overflow)
    {
        _stackFault = true;
        Float.Raise(FloatExceptions.Invalid);
        SetConditions(X87Status.C1, overflow ? X87Status.C1 : 0);
    }

    /// <summary>Whether a result goes to a register: no exception of an operand is unmasked.</summary>
    public readonly bool Delivers => (Float.Raised & Float.Unmasked & FloatExceptions.OfOperands) == 0;

    /// <summary>Whether a result goes to memory: out of range does not do so, either.</summary>
    public readonly bool DeliversToMemory => (Float.Raised & Float.Unmasked & ~FloatExceptions.Precision) == 0;

    /// <summary>Reports what was raised. Always true.</summary>
    public readonly bool Complete()
    {
        var reported = Float.Reported;
        var status = (ushort)(Unit.Status | (ushort)reported);
        if (_stackFault)
            status |= X87Status.StackFault;
        if (!_keepsC1)
            status = (ushort)((status & ~X87Status.C1) | (Delivers && Float.RoundedUp ? X87Status.C1 : 0));
        status = (ushort)((status & ~_conditionsKnown) | _conditions);
        Unit.Status = status;
        if ((reported & Float.Unmasked) != 0)
        {
            Unit.Status |= X87Status.Summary | X87Status.Busy;
            Unit.LastOpcode = Opcode();
            if (HasMemory())
                Unit.LastData = Operand.EffectiveAddress(s, op, record);
        }
        Unit.LastInstruction = Core.RipOf(op);
        return true;
    }

    private readonly bool HasMemory()
    {
        for (var i = 0; i < record->Instruction.OpCount; i++)
            if (Operand.IsMemory(record, i))
                return true;
        return false;
    }

    /// <summary>Read again from the guest's code, since it is seldom asked for. Zero when it is gone.</summary>
    private readonly ushort Opcode() => X87Opcode.Of(s, op);
}
