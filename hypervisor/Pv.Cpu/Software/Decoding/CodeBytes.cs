using Iced.Intel;
using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>
/// The bytes of code as Iced reads them: of one page, or the first bytes of the next one behind it. Each line is noted as code before
/// its first byte is read, so that a write that is not seen by the read is seen by the mark.
/// </summary>
// SAFETY: reads only below the end of pages whose host addresses come from checked translations.
internal sealed unsafe class CodeBytes(SoftwareDomain domain, SoftwareVcpu reader) : CodeReader
{
    private const int LineMask = 63;

    private readonly byte[] _seen = new byte[PageSize.Bytes + 16];
    private byte* _page, _nextPage;
    private Mfn _frame, _nextFrame;
    private int _position;
    private int _notedLine;

    /// <summary>How far reading came, counted from the page's start.</summary>
    public int Position => _position;

    public void Start(byte* page, Mfn frame, int offset)
    {
        _page = page;
        _frame = frame;
        _nextPage = null;
        _position = offset;
        _notedLine = -1;
    }

    /// <summary>Lets reading go on behind the page's end, from an instruction's start again.</summary>
    public void Continue(byte* nextPage, Mfn nextFrame, int offset)
    {
        _nextPage = nextPage;
        _nextFrame = nextFrame;
        _position = offset;
    }

    /// <summary>A byte that was read before, as it was then, by its place counted from the page's start.</summary>
    public byte this[int position] => _seen[position];

    /// <summary>Bytes that were read before, as they were then: what was decoded and no later content.</summary>
    public ReadOnlySpan<byte> Seen(int position, int length) => _seen.AsSpan(position, length);

    public override int ReadByte()
    {
        var offset = _position & (PageSize.Bytes - 1);
        var onNext = _position >= PageSize.Bytes;
        if (onNext && _nextPage == null)
            return -1;
        if (_position >> 6 != _notedLine)
        {
            _notedLine = _position >> 6;
            domain.BecomeCode(onNext ? _nextFrame : _frame, offset & ~LineMask, LineMask + 1, reader);
        }
        return _seen[_position++] = (onNext ? _nextPage : _page)[offset];
    }
}
