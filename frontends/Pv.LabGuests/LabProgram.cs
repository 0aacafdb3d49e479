using System.Runtime.CompilerServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.LabGuests;

/// <summary>A program of the lab, read once: its steps are done many times, and what is measured is not the reading.</summary>
internal sealed class LabProgram
{
    private readonly Step[] _steps;
    private readonly long[] _results;
    private readonly ulong _address;

    public LabProgram(LabMemory memory, ulong address, int count)
    {
        _address = address;
        _steps = new Step[count];
        _results = new long[count];
        for (var i = 0; i < count; i++)
            _steps[i] = new Step(memory, memory.ReadWords(address + (ulong)(i * LabStep.WireSize), LabStep.Words));
    }

    public void Run(Hypercalls hypercalls, LabMemory memory, AsyncQueue? queue, ulong rounds)
    {
        var steps = _steps;
        for (ulong round = 0; round < rounds; round++)
        {
            for (var i = 0; i < steps.Length; i++)
            {
                ref readonly var step = ref steps[i];
                if (step.Kind == LabStepKind.Call)
                    _results[i] = hypercalls.Call(step.Number, step.Word1, step.Word2, step.Word3, step.Word4, step.Word5);
                else if (step.Kind == LabStepKind.Fill)
                    step.Fill();
                else if (step.Kind == LabStepKind.Copy)
                    step.Copy(memory);
                else if (step.Kind == LabStepKind.Omit)
                    _results[i] = Prepare(step.Number, step.Word1, step.Word2, step.Word3, step.Word4, step.Word5);
                else if (step.Kind == LabStepKind.Submit)
                    step.Submit(queue!);
                else
                    _results[i] = step.Await(queue!);
            }
        }
    }

    /// <summary>A call of a method like the one that enters the hypervisor.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Prepare(HypercallNumber number, ulong first, ulong second, ulong third, ulong fourth, ulong fifth) => (long)((ulong)number | ((first | second | third | fourth | fifth) & 0));

    /// <summary>Writes what the calls of the last round returned into the steps.</summary>
    public void Publish(LabMemory memory)
    {
        for (var i = 0; i < _steps.Length; i++)
        {
            if (_steps[i].Kind is LabStepKind.Call or LabStepKind.Omit or LabStepKind.Await)
                memory.WriteWord(_address + (ulong)((i * LabStep.WireSize) + (LabStep.Result * sizeof(ulong))), (ulong)_results[i]);
        }
    }

    /// <summary>A step as it is run: what it fills with is here already, page by page.</summary>
    private readonly struct Step
    {
        private readonly (SharedPage Page, int Offset, byte[] Content)[] _parts;
        private readonly MulticallEntry[] _entries = [];

        public Step(LabMemory memory, ulong[] words)
        {
            Kind = (LabStepKind)words[LabStep.Kind];
            if (Kind is LabStepKind.Call or LabStepKind.Omit)
            {
                Number = (HypercallNumber)words[LabStep.Number];
                (Word1, Word2, Word3, Word4, Word5) = (words[2], words[3], words[4], words[5], words[6]);
                _parts = [];
                return;
            }
            (Word1, Word2, Word3) = (words[LabStep.Source], words[LabStep.Target], words[LabStep.Count]);
            (Word4, Word5, Word6) = (words[LabStep.Bytes], words[LabStep.SourceStride], words[LabStep.TargetStride]);
            _parts = Kind == LabStepKind.Fill ? Divide(memory, Word1, Word2, (int)Word4) : [];
            if (Kind != LabStepKind.Submit)
                return;
            _entries = new MulticallEntry[words[LabStep.Calls]];
            memory.Read(words[LabStep.Entries], System.Runtime.InteropServices.MemoryMarshal.AsBytes(_entries.AsSpan()));
        }

        public LabStepKind Kind { get; }

        public HypercallNumber Number { get; }

        public ulong Word1 { get; }

        public ulong Word2 { get; }

        public ulong Word3 { get; }

        public ulong Word4 { get; }

        public ulong Word5 { get; }

        public ulong Word6 { get; }

        public void Fill()
        {
            foreach (var (page, offset, content) in _parts)
                page.CopyFrom(offset, content);
        }

        public void Copy(LabMemory memory)
        {
            Span<byte> item = stackalloc byte[(int)Word4];
            var (source, target) = (Word1, Word2);
            for (ulong i = 0; i < Word3; i++)
            {
                memory.Read(source, item);
                memory.Write(target, item);
                source += Word5;
                target += Word6;
            }
        }

        public void Submit(AsyncQueue queue)
        {
            foreach (ref readonly var entry in _entries.AsSpan())
            {
                if (!queue.TryAdd(entry))
                    throw new InvalidOperationException("the queue has no room");
            }
            queue.Publish().OrThrow("publishing asynchronous hypercalls");
        }

        /// <summary>The results' bits, all together.</summary>
        public long Await(AsyncQueue queue)
        {
            var bits = 0L;
            for (ulong taken = 0; taken < Word4;)
            {
                if (!queue.TryTake(out var completion))
                    continue;
                bits |= completion.Result;
                taken++;
            }
            return bits;
        }

        private static (SharedPage Page, int Offset, byte[] Content)[] Divide(LabMemory memory, ulong source, ulong target, int length)
        {
            var parts = new List<(SharedPage, int, byte[])>();
            while (length > 0)
            {
                var offset = (int)(target & PageSize.OffsetMask);
                var content = new byte[Math.Min(length, PageSize.Bytes - offset)];
                memory.Read(source, content);
                parts.Add((memory.Page(target), offset, content));
                source += (ulong)content.Length;
                target += (ulong)content.Length;
                length -= content.Length;
            }
            return [.. parts];
        }
    }
}
