namespace Pv.Toolstack.Lab.Batching;

/// <summary>A way to have many calls done.</summary>
public enum BatchWay
{
    /// <summary>One after another. There is no batch, so one measurement stands for all sizes.</summary>
    Single,

    /// <summary>As the entries of a <c>multicall</c>.</summary>
    Multicall,

    /// <summary>As the elements of the list that the call itself takes.</summary>
    List,

    /// <summary>Left in the queue of asynchronous hypercalls, and waited for.</summary>
    Asynchronous,
}
