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
                var memory = call.Core.Memory;
                memory.Bytes(source.Mfn.Address + copy.Source.Offset, copy.Length)
                    .CopyTo(memory.Bytes(destination.Mfn.Address + copy.Destination.Offset, copy.Length));
                memory.Marks.NoteWrite(destination.Mfn);
            }
        }
        return GrantStatus.Okay;
    }

    /// <summary>A frame held for the length of one copy.</summary>
    private readonly ref struct CopyHold
    {
        private readonly Domain _domain;
        private readonly GrantRef _ref;
        private readonly bool _granted, _readOnly;

        private CopyHold(Domain domain, GrantRef reference, bool granted, bool readOnly, Mfn mfn)
        {
            _domain = domain;
            _ref = reference;
            _granted = granted;
            _readOnly = readOnly;
            Mfn = mfn;
        }

        public Mfn Mfn { get; }

        public static GrantStatus TryTake(ref HypercallContext call, in GrantCopyPointer pointer, bool granted, bool readOnly, out CopyHold hold)
        {
            hold = default;
            var core = call.Core;
            Mfn mfn;
            if (granted)
            {
                if (core.Domains.Find(pointer.Domain == DomId.Self ? call.Caller.Id : pointer.Domain) is not { IsDying: false } granter)
                    return GrantStatus.BadDomain;
                var status = granter.Grants.TryPin(pointer.Ref, call.Caller.Id, readOnly, out mfn);
                if (status == GrantStatus.Okay)
                    hold = new CopyHold(granter, pointer.Ref, true, readOnly, mfn);
                return status;
            }
            mfn = new Mfn(pointer.Gmfn);
            if (call.Caller.PhysicalMap is { } map && map.Get(new Pfn(pointer.Gmfn), out mfn) != PhysicalMapKind.Own)
                return GrantStatus.BadPage;
            if (!core.Frames.TryGet(mfn, call.Caller.Id))
                return GrantStatus.BadPage;
            if (!readOnly && core.PageTypes.TryGet(mfn, FrameType.Writable) != Errno.None)
            {
                core.Frames.Put(mfn);
                return GrantStatus.GeneralError;
            }
            hold = new CopyHold(call.Caller, default, false, readOnly, mfn);
            return GrantStatus.Okay;
        }

        public void Dispose()
        {
            if (_granted)
            {
                _domain.Grants.Unpin(_ref, _readOnly);
                return;
            }
            if (!_readOnly)
                _domain.Core.PageTypes.Put(Mfn);
            _domain.Core.Frames.Put(Mfn);
        }
    }
}
