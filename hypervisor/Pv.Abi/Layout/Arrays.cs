using System.Runtime.CompilerServices;

namespace Pv.Abi;

/// <summary>4 values in a row, as C's <c>T[4]</c> within a struct.</summary>
[InlineArray(4)]
public struct Array4<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>6 values in a row, as C's <c>T[6]</c> within a struct.</summary>
[InlineArray(6)]
public struct Array6<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>7 values in a row, as C's <c>T[7]</c> within a struct.</summary>
[InlineArray(7)]
public struct Array7<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>8 values in a row, as C's <c>T[8]</c> within a struct.</summary>
[InlineArray(8)]
public struct Array8<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>11 values in a row, as C's <c>T[11]</c> within a struct.</summary>
[InlineArray(11)]
public struct Array11<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>16 values in a row, as C's <c>T[16]</c> within a struct.</summary>
[InlineArray(16)]
public struct Array16<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>24 values in a row, as C's <c>T[24]</c> within a struct.</summary>
[InlineArray(24)]
public struct Array24<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>32 values in a row, as C's <c>T[32]</c> within a struct.</summary>
[InlineArray(32)]
public struct Array32<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>64 values in a row, as C's <c>T[64]</c> within a struct.</summary>
[InlineArray(64)]
public struct Array64<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>80 values in a row, as C's <c>T[80]</c> within a struct.</summary>
[InlineArray(80)]
public struct Array80<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>128 values in a row, as C's <c>T[128]</c> within a struct.</summary>
[InlineArray(128)]
public struct Array128<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>256 values in a row, as C's <c>T[256]</c> within a struct.</summary>
[InlineArray(256)]
public struct Array256<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>512 values in a row, as C's <c>T[512]</c> within a struct.</summary>
[InlineArray(512)]
public struct Array512<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>1024 values in a row, as C's <c>T[1024]</c> within a struct.</summary>
[InlineArray(1024)]
public struct Array1024<T>
    where T : unmanaged
{
    private T _first;
}

/// <summary>2048 values in a row, as C's <c>T[2048]</c> within a struct.</summary>
[InlineArray(2048)]
public struct Array2048<T>
    where T : unmanaged
{
    private T _first;
}
