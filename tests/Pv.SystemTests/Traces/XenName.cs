using System.Globalization;
using System.Reflection;
using Pv.Abi;

namespace Pv.SystemTests.Traces;

/// <summary>The names that Xen's headers have for numbers, without what the names of one family have in common: <c>register_vcpu_info</c>.</summary>
internal static class XenName
{
    public static string Of<T>(T value) where T : struct, Enum => Names<T>.All.GetValueOrDefault(value) ?? value.ToString("D");

    /// <summary>The name of a number that a guest passed.</summary>
    public static string Of<T>(ulong value) where T : struct, Enum => Of((T)Enum.ToObject(typeof(T), value));

    private static class Names<T> where T : struct, Enum
    {
        public static readonly Dictionary<T, string> All = typeof(T)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.GetCustomAttribute<XenAttribute>() is not null)
            .ToDictionary(field => (T)field.GetValue(null)!, field => Short(field.GetCustomAttribute<XenAttribute>()!.Origin));

        private static string Short(string origin)
        {
            var common = typeof(T).GetCustomAttribute<XenAttribute>()!.Origin.TrimEnd('*');
            var name = origin.StartsWith(common, StringComparison.Ordinal) ? origin[common.Length..] : origin;
            return name.ToLower(CultureInfo.InvariantCulture);
        }
    }
}
