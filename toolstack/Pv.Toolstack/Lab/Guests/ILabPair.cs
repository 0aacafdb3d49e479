namespace Pv.Toolstack.Lab.Guests;

/// <summary>Two C# guests with an event channel between them, and a back end in Dom0 for the first one's ring. One thread at a time.</summary>
public interface ILabPair : IAsyncDisposable
{
    /// <summary>The first guest sends events that the second one answers in its upcall.</summary>
    /// <param name="count">How many.</param>
    /// <param name="receiverRuns">The second one stays on its pCPU.</param>
    /// <returns>Nanoseconds from the send to the upcall, and those that the send itself took.</returns>
    (double[] ToUpcall, double[] Send) PingPong(int count, bool receiverRuns);

    /// <summary>The first guest sleeps for these times, in nanoseconds. Returns by how much it was late.</summary>
    double[] Sleep(IReadOnlyList<ulong> times);

    /// <summary>
    /// Dom0 maps and unmaps <see cref="LabSizes.GrantedFrames"/> frames of the first guest with a call each, some times. Returns nanoseconds a frame,
    /// for each time.
    /// </summary>
    double[] MapInDom0(int times);

    /// <summary>Dom0 copies as many whole frames of the first guest with one call, some times. Returns nanoseconds a frame, for each time.</summary>
    double[] CopyToDom0(int times);

    /// <summary>As <see cref="CopyToDom0"/>, but what the processor alone takes for it.</summary>
    double[] CopyPlainly(int times);

    /// <summary>The first guest sends requests to the back end, one after another. Returns the time of each, to its response.</summary>
    double[] RoundTrips(int count);
}
