namespace Pv.Abi;

/// <summary>How far a device's end is in connecting (<c>public/io/xenbus.h</c>).</summary>
[Xen("enum xenbus_state")]
public enum XenbusState : uint
{
    [Xen("XenbusStateUnknown")] Unknown = 0,
    [Xen("XenbusStateInitialising")] Initialising = 1,

    /// <summary>Waits for the other end's details.</summary>
    [Xen("XenbusStateInitWait")] InitWait = 2,

    /// <summary>Published its own details.</summary>
    [Xen("XenbusStateInitialised")] Initialised = 3,

    [Xen("XenbusStateConnected")] Connected = 4,

    /// <summary>The device is going.</summary>
    [Xen("XenbusStateClosing")] Closing = 5,

    [Xen("XenbusStateClosed")] Closed = 6,
    [Xen("XenbusStateReconfiguring")] Reconfiguring = 7,
    [Xen("XenbusStateReconfigured")] Reconfigured = 8,
}
