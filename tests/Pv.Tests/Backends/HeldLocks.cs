using System.Collections;
using System.Reflection;

namespace Pv.Tests.Backends;

/// <summary>
/// Every object of ours that can be reached from some, to ask which of their locks a thread holds. Locks that are made later are not among them.
/// </summary>
internal sealed class HeldLocks
{
    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Lock Lock, string Where)> _locks = [];
    private readonly List<(object Object, string Where)> _objects = [];

    public HeldLocks(params object[] roots)
    {
        var todo = new Stack<(object Object, string Where)>(roots.Select(root => (root, root.GetType().Name)));
        while (todo.TryPop(out var next))
        {
            if (!_seen.Add(next.Object))
                continue;
            if (next.Object is Lock found)
                _locks.Add((found, next.Where));
            else
                _objects.Add(next);
            foreach (var (name, value) in Parts(next.Object))
                todo.Push((value, $"{next.Where}.{name}"));
        }
    }

    /// <summary>How many locks there are.</summary>
    public int Count => _locks.Count;

    /// <summary>Where the locks stand that the calling thread holds.</summary>
    public IEnumerable<string> HeldHere()
        => _locks.Where(one => one.Lock.IsHeldByCurrentThread).Select(one => one.Where)
            .Concat(_objects.Where(one => Monitor.IsEntered(one.Object)).Select(one => one.Where));

    private static IEnumerable<(string Name, object Value)> Parts(object whole)
    {
        if (whole is IEnumerable and not string && whole.GetType().Namespace!.StartsWith("System", StringComparison.Ordinal))
        {
            if (whole.GetType().GetElementType() is { IsValueType: true })
                yield break;
            foreach (var item in (IEnumerable)whole)
            {
                if (item is not null && IsOurs(item.GetType()))
                    yield return ("[]", item);
            }
            yield break;
        }
        for (var type = whole.GetType(); type is not null && IsOurs(type); type = type.BaseType)
        {
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike && field.GetValue(whole) is { } value && (IsOurs(value.GetType()) || value is Lock || value is IEnumerable and not string))
                    yield return (field.Name, value);
            }
        }
    }

    private static bool IsOurs(Type type)
        => !type.IsPrimitive && !type.IsEnum && type.Namespace is { } space && (space.StartsWith("Pv.", StringComparison.Ordinal) || type.IsArray)
            && !space.StartsWith("Pv.Tests", StringComparison.Ordinal);
}
