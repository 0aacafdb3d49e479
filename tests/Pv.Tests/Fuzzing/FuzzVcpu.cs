using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>A vCPU that a pCPU runs and that makes hypercalls, as its domain knows how.</summary>
internal abstract class FuzzVcpu(FuzzDomain domain, FuzzDomain[] domains, Vcpu vcpu, ulong seed)
{
    private Dice _dice = new(seed);

    public Vcpu Vcpu { get; } = vcpu;

    public FuzzStatistics Statistics { get; } = new();

    /// <summary>The guest can do nothing any more: its arguments or its code are out of its reach.</summary>
    public bool IsBroken { get; protected set; }

    protected FuzzDomain Domain { get; } = domain;

    protected FuzzDomain[] Domains { get; } = domains;

    protected CallGrammar Grammar { get; } = new(domain.Domain.Core);

    protected ref Dice Dice => ref _dice;

    protected int Index => (int)Vcpu.Id.Value;

    /// <summary>Takes down how the calls ended that its queue made and of which it has just read.</summary>
    protected void NoteCompletions()
    {
        foreach (var (label, result) in Grammar.Completions)
            Statistics.Note(label, result, GrantStatus.Okay);
    }

    /// <summary>Takes down how the call that was made up last ended, and what it taught.</summary>
    protected void Learn(long result)
    {
        if (Grammar.Entries.Length == 0 || result < 0)
        {
            Statistics.Note(Grammar.Made.Label, result, Lessons.Take(Domain, Vcpu, Grammar.Made, result, 0));
            return;
        }
        Statistics.Note(Grammar.Made.Label, result, GrantStatus.Okay);
        for (var i = 0; i < Grammar.Entries.Length; i++)
        {
            var made = Grammar.Entries[i];
            long value = 0;
            if (FuzzDomain.Read(Vcpu, (ulong)CallGrammar.ResultOf(i), MemoryMarshal.AsBytes(new Span<long>(ref value))))
                Lessons.Take(Domain, Vcpu, made, value, 0);
        }
    }
}
