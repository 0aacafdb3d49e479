using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Grants;

/// <summary><c>GNTTABOP_copy</c>: bytes from one frame to another, each named by a grant or owned by the caller.</summary>
internal static class GrantCopying
{
    public static GrantStatus Copy(ref HypercallContext call, in GrantTableCopy copy)
    {
        if (copy.Source.Offset + copy.Length > PageSize.Bytes || copy.Destination.Offset + copy.Length > PageSize.Bytes)
            return GrantStatus.BadCopyArgument;
        if ((copy.Flags & GrantCopyFlags.SourceGrantRef) == 0 && copy.Source.Domain != DomId.Self)
            return GrantStatus.PermissionDenied;
        if ((copy.Flags & GrantCopyFlags.DestinationGrantRef) == 0 && copy.Destination.Domain != DomId.Self)
            return GrantStatus.PermissionDenied;
        var status = CopyHold.TryTake(ref call, copy.Source, (copy.Flags & GrantCopyFlags.SourceGrantRef) != 0, true, out var source);
        if (status != GrantStatus.Okay)
            return status;
        using (source)
        {
            status = CopyHold.TryTake(ref call, copy.Destination, (copy.Flags & GrantCopyFlags.DestinationGrantRef) != 0, false, out var destination);
            if (status != GrantStatus.Okay)
                return status;
            using (destination)
            {
                if (!source.Granted.Contains(copy.Source.Offset, copy.Length) || !destination.Granted.Contains(copy.Destination.Offset, copy.Length))
                    return GrantStatus.GeneralError;
                var memory = call.Core.Memory;
                memory.Bytes(source.Mfn.Address + copy.Source.Offset, copy.Length)
                    .CopyTo(memory.Bytes(destination.Mfn.Address + copy.Destination.Offset, copy.Length));
                memory.Marks.NoteWrite(destination.Mfn);
                call.Core.Meter?.CountBytes(copy.Length);
            }
        }
        return GrantStatus.Okay;
    }

    /// <summary>A frame held for the length of one copy.</summary>
    private readonly ref struct CopyHold
    {
        private readonly Domain _domain;
        private readonly GrantRef _ref;
        private readonly (Domain Domain, GrantRef Ref)? _passedBy;
        private readonly bool _granted, _readOnly;

        private CopyHold(Domain domain, GrantRef reference, bool granted, bool readOnly, PinnedGrant pinned, (Domain, GrantRef)? passedBy = null)
        {
            _domain = domain;
            _ref = reference;
            _granted = granted;
            _readOnly = readOnly;
            _passedBy = passedBy;
            Mfn = pinned.Mfn;
            Granted = pinned.Granted;
        }

        public Mfn Mfn { get; }

        /// <summary>The part of the frame that may be copied.</summary>
        public GrantPart Granted { get; }

        private static GrantStatus TryTakeGranted(ref HypercallContext call, in GrantCopyPointer pointer, bool readOnly, out CopyHold hold)
        {
            hold = default;
            var domains = call.Core.Domains;
            if (domains.Find(pointer.Domain == DomId.Self ? call.Caller.Id : pointer.Domain) is not { IsDying: false } granter)
                return GrantStatus.BadDomain;
            var status = granter.Grants.TryPinForCopy(pointer.Ref, call.Caller.Id, readOnly, true, out var pinned);
            if (status != GrantStatus.Okay)
                return status;
            if (pinned.PassedOn is not { } passed)
            {
                hold = new CopyHold(granter, pointer.Ref, true, readOnly, pinned);
                return GrantStatus.Okay;
            }
            // The one who granted it to the granter; a grant is passed on once.
            status = GrantStatus.GeneralError;
            if (domains.Find(passed.Domain) is { IsDying: false } owner)
            {
                status = owner.Grants.TryPinForCopy(passed.Ref, granter.Id, readOnly, false, out pinned);
                if (status == GrantStatus.Okay)
                    hold = new CopyHold(owner, passed.Ref, true, readOnly, pinned, (granter, pointer.Ref));
            }
            if (status != GrantStatus.Okay)
                granter.Grants.Unpin(pointer.Ref, readOnly);
            return status;
        }

        public static GrantStatus TryTake(ref HypercallContext call, in GrantCopyPointer pointer, bool granted, bool readOnly, out CopyHold hold)
        {
            if (granted)
                return TryTakeGranted(ref call, pointer, readOnly, out hold);
            hold = default;
            var core = call.Core;
            var mfn = new Mfn(pointer.Gmfn);
            if (call.Caller.PhysicalMap is { } map && map.Get(new Pfn(pointer.Gmfn), out mfn) != PhysicalMapKind.Own)
                return GrantStatus.BadPage;
            if (!core.Frames.TryGet(mfn, call.Caller.Id))
                return GrantStatus.BadPage;
            if (!readOnly && core.PageTypes.TryGet(mfn, FrameType.Writable) != Errno.None)
            {
                core.Frames.Put(mfn);
                return GrantStatus.GeneralError;
            }
            hold = new CopyHold(call.Caller, default, false, readOnly, new PinnedGrant(mfn, GrantPart.WholePage, null));
            return GrantStatus.Okay;
        }

        public void Dispose()
        {
            if (_granted)
            {
                _domain.Grants.Unpin(_ref, _readOnly);
                if (_passedBy is { } passed)
                    passed.Domain.Grants.Unpin(passed.Ref, _readOnly);
                return;
            }
            if (!_readOnly)
                _domain.Core.PageTypes.Put(Mfn);
            _domain.Core.Frames.Put(Mfn);
        }
    }
}
