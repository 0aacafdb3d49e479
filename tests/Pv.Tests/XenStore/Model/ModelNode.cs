namespace Pv.Tests.XenStore.Model;

/// <summary>One entry of a node's permissions, for the domain that bore the number then.</summary>
/// <param name="Access">n, r, w or b.</param>
/// <param name="Number">Of the domain.</param>
/// <param name="Incarnation">0: there was no such domain.</param>
internal sealed record ModelPermission(char Access, int Number, int Incarnation)
{
    public bool MayRead => Access is 'r' or 'b';

    public bool MayWrite => Access is 'w' or 'b';
}

/// <summary>A node of the model. It is never changed, only replaced.</summary>
/// <param name="Value">Its bytes.</param>
/// <param name="Permissions">The owner first.</param>
/// <param name="Birth">The order among siblings.</param>
/// <param name="Version">Another one after each change of the value, the permissions or the names of the children.</param>
internal sealed record ModelNode(string Value, IReadOnlyList<ModelPermission> Permissions, int Birth, int Version);
