using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.Machine.Gate;

/// <summary>
/// The page of hypercall stubs: 32 bytes for each number, to be called. Each saves what <c>syscall</c> destroys,
/// and <c>iret</c>, which does not come back, builds the start of its frame.
/// </summary>
public static class HypercallStubs
{
    private const int StubBytes = 32;
    private const byte Breakpoint = 0xcc;

    /// <summary>Fills a page.</summary>
    public static void Fill(Span<byte> page)
    {
        page.Fill(Breakpoint);
        for (var number = 0; number < PageSize.Bytes / StubBytes; number++)
        {
            var stub = page.Slice(number * StubBytes, StubBytes);
            if (number == (int)HypercallNumber.Iret)
                Write(stub, [0x51, 0x41, 0x53, 0x50], number, []); // push rcx; push r11; push rax
            else
                Write(stub, [0x51, 0x41, 0x53], number, [0x41, 0x5b, 0x59, 0xc3]); // push rcx; push r11; ...; pop r11; pop rcx; ret
        }
    }

    private static void Write(Span<byte> stub, ReadOnlySpan<byte> before, int number, ReadOnlySpan<byte> after)
    {
        before.CopyTo(stub);
        stub = stub[before.Length..];
        stub[0] = 0xb8; // mov eax, number
        BinaryPrimitives.WriteInt32LittleEndian(stub[1..], number);
        stub[5] = 0x0f; // syscall
        stub[6] = 0x05;
        after.CopyTo(stub[7..]);
    }
}
