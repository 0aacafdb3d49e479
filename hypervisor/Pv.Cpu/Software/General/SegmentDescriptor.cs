namespace Pv.Cpu.Software;

/// <summary>A segment descriptor of 8 bytes (Intel SDM, volume 3, section 3.4.5).</summary>
/// <remarks>
/// <code>
/// 63......56 55 54 53 52 51....48 47 46..45 44 43..40 39..............16 15.........0
///  base high  G  D  L  -  limit    P  DPL   S  type   base low           limit low
/// </code>
/// </remarks>
internal readonly record struct SegmentDescriptor(ulong Raw)
{
    public uint Type => (uint)(Raw >> 40) & 15;

    /// <summary>Code or data, not a system segment.</summary>
    public bool IsSegment => (Raw & (1ul << 44)) != 0;

    public bool IsAccessed => (Raw & (1ul << 40)) != 0;

    public int Privilege => (int)(Raw >> 45) & 3;

    public bool IsPresent => (Raw & (1ul << 47)) != 0;

    public bool IsLong => (Raw & (1ul << 53)) != 0;

    public bool IsDefault32 => (Raw & (1ul << 54)) != 0;

    public bool IsCode => IsSegment && (Type & 8) != 0;

    public bool IsConforming => (Type & 4) != 0;

    public bool IsReadable => IsSegment && (Type & 0b1010) != 0b1000;

    public bool IsWritable => IsSegment && (Type & 0b1010) == 0b0010;

    public uint Base => (uint)(((Raw >> 16) & 0xff_ffff) | ((Raw >> 32) & 0xff00_0000));

    /// <summary>The last valid offset.</summary>
    public uint Limit
    {
        get
        {
            var limit = (uint)((Raw & 0xffff) | ((Raw >> 32) & 0xf_0000));
            return (Raw & (1ul << 55)) != 0 ? (limit << 12) | 0xfff : limit;
        }
    }
}
