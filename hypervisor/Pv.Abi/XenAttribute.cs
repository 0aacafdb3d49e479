namespace Pv.Abi;

/// <summary>
/// Names the C origin of a struct, a field, an enumeration, its members or a constant in Xen's public headers.
/// A test holds everything that carries it against the facts measured from those headers.
/// </summary>
/// <param name="origin">
/// The C name: <c>struct start_info</c>, a field's path within its struct (<c>console.domU.mfn</c>), a macro (<c>EVTCHNOP_send</c>),
/// an enumeration (<c>enum xenbus_state</c>) or, for one that C writes as macros, their common start (<c>EVTCHNOP_*</c>).
/// </param>
[AttributeUsage(AttributeTargets.Struct | AttributeTargets.Field | AttributeTargets.Enum | AttributeTargets.Class, AllowMultiple = false)]
public sealed class XenAttribute(string origin) : Attribute
{
    /// <summary>The name in Xen's public headers.</summary>
    public string Origin { get; } = origin;

    /// <summary>The struct is only the start of its C origin, whose rest is an array or varies.</summary>
    public bool IsPrefix { get; set; }
}
