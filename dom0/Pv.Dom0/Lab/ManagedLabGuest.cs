using System.Globalization;
using Pv.Abi;
using Pv.LabGuests;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>The lab's guest as a C# kernel: addresses are pseudo-physical.</summary>
internal sealed class ManagedLabGuest : LabDomain
{
    private ManagedLabGuest(LabMachine machine, LabEngine engine, DomId domain, ulong firstPfn, ulong firstSlot, ulong sharedInfo)
        : base(machine, engine, domain, MakeArea(machine, domain, firstPfn))
    {
        Window = firstSlot << PageSize.Shift;
        Spare = [.. Enumerable.Range(LabSizes.AreaPages, LabSizes.Items).Select(page => firstPfn + (ulong)page)];
        SharedInfo = sharedInfo << PageSize.Shift;
    }

    public override ulong Window { get; }

    public override IReadOnlyList<ulong> Spare { get; }

    public override ulong SharedInfo { get; }

    public override ulong Targets => 0;

    /// <summary>Builds the domain on a machine and starts it.</summary>
    public static async Task<ManagedLabGuest> StartAsync(LabMachine machine, LabEngine engine, string name, CancellationToken cancel)
    {
        var pages = LabSizes.AreaPages + LabSizes.Items;
        var domain = await machine.CreateAsync(name, FindAssembly(), $"pages={pages} slots={LabSizes.Items}", cancel);
        await machine.UnpauseAsync(domain);
        var words = (await machine.ReadNodeAsync(domain, "data/lab", cancel)).Split(' ').Select(word => ulong.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        return new ManagedLabGuest(machine, engine, domain, words[0], words[1], words[2]);
    }

    /// <summary>An auto-translated domain names its frames by their own numbers.</summary>
    public override ulong FrameOf(ulong address) => address >> PageSize.Shift;

    public override ulong EntryOf(ulong address) => throw new InvalidOperationException("A C# guest has no page tables.");

    // It reads the steps themselves.
    protected override ulong Enter(LabProgram program, ulong stepsAt) => stepsAt;

    public override LabQueue? OpenQueue()
    {
        var answer = Area.Take(sizeof(ulong));
        SetOperand(LabControl.Samples, answer);
        Begin(LabTask.OpenQueue, LabSizes.Items);
        Await();
        return Area.ReadWord(answer) == 0 ? new LabQueue(0, 0, 0, LabSizes.Items) : null;
    }

    // The time that it reads is system time.
    protected override double ToNanoseconds(ulong ticks) => ticks;

    private static LabArea MakeArea(LabMachine machine, DomId domain, ulong firstPfn)
        => new(firstPfn << PageSize.Shift, [.. Enumerable.Range(0, LabSizes.AreaPages).Select(page => machine.MapForeign(domain, firstPfn + (ulong)page))]);

    /// <summary>The plug-in, beside <c>pvd</c> as both were built or installed.</summary>
    private static string FindAssembly()
    {
        const string file = "Pv.LabGuests.dll";
        var home = AppContext.BaseDirectory.TrimEnd('/');
        string[] places =
        [
            Path.Combine(home, "..", "..", "Pv.LabGuests", Path.GetFileName(home), file), Path.Combine(home, file),
        ];
        return places.FirstOrDefault(File.Exists) is { } found
            ? Path.GetFullPath(found)
            : throw new ToolstackLabException($"{file}, the lab's C# guest, is not beside pvd ({home}).");
    }
}
