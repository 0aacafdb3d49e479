using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Machine;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>Makes the lab's guests, each on a machine of its own in this process. Which engines there are is found out here and nowhere else.</summary>
internal sealed class LabHost : ILabHost
{
    private readonly List<(LabEngine Engine, Func<MachineMemory, ICpuEngine>? Make)> _engines =
    [
        (new LabEngine("managed", "C# guests, in the process", OwnsTables: false), null),
        (new LabEngine("interpreted", "the software engine with --translate=off", OwnsTables: true), memory => new SoftwareEngine(memory, translateAfter: -1)),
    ];

    public LabHost()
    {
        if (SoftwareEngine.CanTranslate)
            _engines.Add((new LabEngine("translated", "the software engine as it is, hot code translated", OwnsTables: true), memory => new SoftwareEngine(memory)));
    }

    public IReadOnlyList<LabEngine> Engines => [.. _engines.Select(one => one.Engine)];

    public async Task<ILabGuest> StartAsync(LabEngine engine, CancellationToken cancel)
    {
        // The service of a queue of asynchronous hypercalls runs beside its guest.
        var machine = new LabMachine(_engines.Find(one => one.Engine == engine).Make, pcpus: Math.Min(2, Environment.ProcessorCount));
        try
        {
            return engine.OwnsTables
                ? await ParavirtualizedLabGuest.StartAsync(machine, engine, engine.Name, cancel)
                : await ManagedLabGuest.StartAsync(machine, engine, engine.Name, cancel);
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    public async Task<ILabPair> StartPairAsync(int pcpus, CancellationToken cancel)
    {
        var machine = new LabMachine(engine: null, pcpus);
        try
        {
            var engine = _engines[0].Engine;
            var first = await ManagedLabGuest.StartAsync(machine, engine, "first", cancel);
            machine.Pin(first.Domain, 0);
            var second = await ManagedLabGuest.StartAsync(machine, engine, "second", cancel);
            machine.Pin(second.Domain, pcpus - 1);
            return new LabPair(machine, first, second);
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }
}
