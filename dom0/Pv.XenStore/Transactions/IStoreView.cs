namespace Pv.XenStore;

/// <summary>The store as one request sees and changes it: the live tree, or a transaction's own.</summary>
internal interface IStoreView
{
    StoreTree Tree { get; }

    /// <summary>The node at a valid path, or null. A transaction remembers that it looked.</summary>
    StoreNode? Read(string path);

    /// <summary>Puts a node where one stands, or below a parent that stands.</summary>
    void Put(string path, StoreNode node);

    /// <summary>Takes back what was put since the view had that tree; nobody was told of it.</summary>
    void Restore(StoreTree tree);

    /// <summary>Removes a node and all below it, and tells the watches of each.</summary>
    void Remove(string path);

    /// <summary>Tells the watches of a node, and all above it, that it changed; <paramref name="before"/>: its permissions until then.</summary>
    void Changed(string path, NodePermissions? before);
}
