using Pv.Backends.Storage;

namespace Pv.Backends.Block;

/// <summary>What a disk, or one ring of it, has done so far. Sectors are 512 bytes.</summary>
/// <remarks>A ring's is written by its thread alone; whoever reads may miss the last.</remarks>
public struct BlockCounts
{
    public long Reads { get; set; }

    public long Writes { get; set; }

    public long Flushes { get; set; }

    public long Discards { get; set; }

    /// <summary>Requests that were answered with anything but success.</summary>
    public long Errors { get; set; }

    /// <summary>Requests that were answered.</summary>
    public readonly long Answered => Reads + Writes + Flushes + Discards + Errors;

    public long ReadSectors { get; set; }

    public long WrittenSectors { get; set; }

    /// <summary>Requests under way.</summary>
    public long Outstanding { get; set; }

    /// <summary>Requests that the rings hold at most.</summary>
    public long RingEntries { get; set; }

    internal void Note(BlockAction action, long bytes, bool isGood)
    {
        switch (action)
        {
            case BlockAction.Read:
                Reads++;
                ReadSectors += bytes >> 9;
                break;
            case BlockAction.Write:
                Writes++;
                WrittenSectors += bytes >> 9;
                break;
            case BlockAction.Flush:
                Flushes++;
                break;
            default:
                Discards++;
                break;
        }
        if (!isGood)
            Errors++;
    }

    internal void Add(BlockCounts other)
    {
        Reads += other.Reads;
        Writes += other.Writes;
        Flushes += other.Flushes;
        Discards += other.Discards;
        Errors += other.Errors;
        ReadSectors += other.ReadSectors;
        WrittenSectors += other.WrittenSectors;
        Outstanding += other.Outstanding;
        RingEntries += other.RingEntries;
    }
}
