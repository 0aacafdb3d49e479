using System.Buffers.Binary;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.ControlCalls;

/// <summary>
/// Makes the calls of a file of rows (<c>tests/Data/control-calls</c>) as domain 0 of a machine, and says what is answered in the file's own words. It
/// reads rows as <c>record.c</c> beside them does.
/// </summary>
internal sealed class ControlRun : IDisposable
{
    private const int BufferBytes = 16 * 4096, ArgumentBytes = 128, PageBytes = 4096, LastBuffer = 3;

    private static readonly Dictionary<string, ulong> Domctls = Named<DomctlOperation>("XEN_DOMCTL_"), Sysctls = Named<SysctlOperation>("XEN_SYSCTL_");

    private readonly TestMachine _machine;
    private readonly ControlNames _names = new();
    private readonly byte[][] _buffers = new byte[LastBuffer + 1][];
    private readonly byte[] _page = new byte[PageBytes];
    private readonly List<HostPin> _pins = [];
    private readonly ulong _pageAddress;
    private (Mfn Frame, DomId Domain)? _held;
    private int _argumentAt;

    public ControlRun(TestMachine machine)
    {
        _machine = machine;
        for (var i = 0; i < _buffers.Length; i++)
        {
            _buffers[i] = new byte[BufferBytes];
            _names[$"B{i}"] = Pin(_buffers[i]);
        }
        _pageAddress = Pin(_page);
        _names["u"] = _pageAddress;
    }

    /// <summary>Does what a line says; what is answered, behind the arrow, or null where nothing is.</summary>
    public string? Do(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words[0])
        {
            case "fill":
                _buffers[words[1][1] - '0'].AsSpan().Fill((byte)_names.Value(words[2]));
                return null;
            case "put":
                foreach (var word in words[1..])
                    Assign(word);
                return null;
            case "populate":
                return Populate(words[1], (int)_names.Value(words[2])).ToString(CultureInfo.InvariantCulture);
            case "forget":
                Forget(words[1]);
                return null;
            case "hold":
                _held = (new Mfn(_names.Value(words[2])), Domain(words[1]));
                return _machine.Core.Frames.TryGet(_held.Value.Frame, _held.Value.Domain) ? null : "not held";
            case "release":
                _machine.Core.Frames.Put(_held!.Value.Frame);
                return null;
            case "poke":
                foreach (var word in words[3..])
                    Poke(new Mfn(_names.Value(words[2])), word);
                return null;
            case "peek":
                return string.Join(' ', words[3..].Select(word => Show(word, Frame(new Mfn(_names.Value(words[2]))))));
            default:
                return Call(words);
        }
    }

    public void Dispose()
    {
        foreach (var pin in _pins)
            pin.Dispose();
    }

    private string Call(string[] words)
    {
        var end = Array.IndexOf(words, "?");
        var inputs = words[..(end < 0 ? words.Length : end)];
        _page.AsSpan().Clear();
        var (number, first) = words[0] switch
        {
            "domctl" => (HypercallNumber.Domctl, 3),
            "sysctl" => (HypercallNumber.Sysctl, 2),
            "platform" => (HypercallNumber.PlatformOp, 2),
            _ => ((HypercallNumber)_names.Value(words[1]), 2),
        };
        Span<ulong> arguments = stackalloc ulong[5];
        arguments.Clear();
        arguments[0] = _pageAddress;
        _argumentAt = 0;
        DomId? domain = null;
        switch (words[0])
        {
            case "domctl":
                domain = Domain(words[2]);
                var control = new Domctl { Operation = (DomctlOperation)Operation(Domctls, words[1]), InterfaceVersion = Domctl.CurrentInterfaceVersion, Domain = domain.Value };
                MemoryMarshal.Write(_page, in control);
                _argumentAt = 16;
                break;
            case "sysctl":
                BinaryPrimitives.WriteUInt32LittleEndian(_page, (uint)Operation(Sysctls, words[1]));
                BinaryPrimitives.WriteUInt32LittleEndian(_page.AsSpan(4), Sysctl.CurrentInterfaceVersion);
                _argumentAt = 8;
                break;
            case "platform":
                BinaryPrimitives.WriteUInt32LittleEndian(_page, (uint)_names.Value(words[1]));
                BinaryPrimitives.WriteUInt32LittleEndian(_page.AsSpan(4), 0x0300_0001);
                _argumentAt = 8;
                break;
            default:
                arguments[0] = 0;
                for (var i = 0; first < inputs.Length && !inputs[first].Contains('=', StringComparison.Ordinal); first++, i++)
                    arguments[i] = _names.Value(inputs[first]);
                break;
        }
        foreach (var word in inputs[first..])
        {
            if (word == "null")
                arguments[0] = 0;
            else if (word.StartsWith("version=", StringComparison.Ordinal))
                BinaryPrimitives.WriteUInt32LittleEndian(_page.AsSpan(4), (uint)_names.Value(word[8..]));
            else if (word[0] != '>')
                Assign(word);
        }
        var before = Argument().ToArray();
        var result = _machine.Core.Dom0.Call(new HypercallRegisters((ulong)number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]));
        var answer = new StringBuilder(result.ToString(CultureInfo.InvariantCulture));
        var now = BinaryPrimitives.ReadUInt16LittleEndian(_page.AsSpan(8));
        if (domain is { } asked && asked.Value != now && words[1] != "createdomain")
            answer.Append(CultureInfo.InvariantCulture, $" dom={now}");
        if (end >= 0)
        {
            foreach (var word in words[(end + 1)..])
                answer.Append(' ').Append(Show(word, Argument()));
        }
        else
        {
            for (var i = 0; i < ArgumentBytes; i += 4)
            {
                if (!Argument().Slice(i, 4).SequenceEqual(before.AsSpan(i, 4)))
                    answer.Append(CultureInfo.InvariantCulture, $" {i}:4=0x{BinaryPrimitives.ReadUInt32LittleEndian(Argument()[i..]):x}");
            }
        }
        foreach (var word in inputs[first..].Where(word => word[0] == '>' && result >= 0))
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            _names[word[1..equals]] = word[(equals + 1)..] == "dom" ? now : Number(Bytes(ControlPlace.Parse(word[(equals + 1)..], out _), Argument()));
        }
        return answer.ToString();
    }

    private long Populate(string domain, int count)
    {
        var frames = MemoryMarshal.Cast<byte, ulong>(_buffers[LastBuffer].AsSpan(0, count * sizeof(ulong)));
        for (var i = 0; i < count; i++)
            frames[i] = (ulong)i;
        var reservation = new MemoryReservation { ExtentStart = _names.Value($"B{LastBuffer}"), ExtentCount = (ulong)count, Domain = Domain(domain) };
        var result = HostAddress.Call(_machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.PopulatePhysmap, ref reservation);
        for (var i = 0; i < count; i++)
            _names[$"mfn{i}"] = frames[i];
        return result;
    }

    private void Forget(string name)
    {
        if (_names.Remove(name, out var domain))
            _machine.ControlOrThrow(DomctlOperation.DestroyDomain, new DomId((ushort)domain));
    }

    private void Assign(string word)
    {
        var place = ControlPlace.Parse(word, out var rest);
        WriteNumber(Bytes(place, Argument()), _names.Value(rest[1..]));
    }

    private void Poke(Mfn frame, string word)
    {
        var place = ControlPlace.Parse(word, out var rest);
        WriteNumber(Frame(frame).Slice(place.Offset, place.Size), _names.Value(rest[1..]));
    }

    private string Show(string word, Span<byte> argument)
    {
        var place = ControlPlace.Parse(word, out var rest);
        var bytes = Bytes(place, argument);
        if (place.Size > sizeof(ulong))
            return $"{word}={Convert.ToHexStringLower(bytes)}";
        var value = Number(bytes);
        if (rest.Length > 0)
            value = rest[0] == '-' ? value - _names.Value(rest[1..]) : value & _names.Value(rest[1..]);
        return $"{word}=0x{value:x}";
    }

    private Span<byte> Bytes(ControlPlace place, Span<byte> argument)
        => place.Buffer < 0 ? argument.Slice(place.Offset, place.Size) : _buffers[place.Buffer].AsSpan(place.Offset, place.Size);

    private Span<byte> Argument() => _page.AsSpan(_argumentAt, ArgumentBytes);

    private Span<byte> Frame(Mfn frame) => _machine.Core.Memory.Bytes(frame.Address, PageBytes);

    private DomId Domain(string name) => new((ushort)_names.Value(name));

    private ulong Operation(Dictionary<string, ulong> names, string name) => names.TryGetValue(name, out var number) ? number : _names.Value(name);

    private ulong Pin(byte[] bytes)
    {
        _pins.Add(HostPin.Of(bytes));
        return _pins[^1].Address;
    }

    private static ulong Number(ReadOnlySpan<byte> bytes)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        bytes.CopyTo(value);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    private static void WriteNumber(Span<byte> bytes, ulong value)
    {
        Span<byte> all = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(all, value);
        all[..bytes.Length].CopyTo(bytes);
    }

    private static Dictionary<string, ulong> Named<T>(string prefix) where T : struct, Enum
        => typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(
            field => field.GetCustomAttribute<XenAttribute>()!.Origin[prefix.Length..],
            field => Convert.ToUInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));
}
