using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pv.Tests.Abi;

/// <summary>
/// Measures where a field really lies in memory, by setting every bit of it and looking which bytes changed.
/// </summary>
public static class FieldLayout
{
    /// <summary>The size of a value type in memory, in bytes.</summary>
    public static int SizeOf(Type type) => (int)Invoke(nameof(SizeOfCore), type)!;

    /// <summary>The first byte that a field occupies, and how many.</summary>
    public static (int Offset, int Size) Of(Type type, FieldInfo field)
    {
        var instance = Activator.CreateInstance(type)!;
        field.SetValue(instance, Invoke(nameof(AllOnesCore), field.FieldType));
        var bytes = (byte[])Invoke(nameof(BytesCore), type, instance)!;

        var first = Array.IndexOf(bytes, (byte)0xff);
        var last = Array.LastIndexOf(bytes, (byte)0xff);
        return (first, last - first + 1);
    }

    private static object? Invoke(string method, Type type, params object[] arguments) =>
        typeof(FieldLayout).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(type)
            .Invoke(null, arguments);

    private static int SizeOfCore<T>() => Unsafe.SizeOf<T>();

    private static T AllOnesCore<T>()
        where T : struct
    {
        T value = default;
        MemoryMarshal.AsBytes(new Span<T>(ref value)).Fill(0xff);
        return value;
    }

    private static byte[] BytesCore<T>(object boxed)
        where T : struct
    {
        var value = (T)boxed;
        return MemoryMarshal.AsBytes(new Span<T>(ref value)).ToArray();
    }
}
