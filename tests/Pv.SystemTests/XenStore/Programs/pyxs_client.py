"""What the client library pyxs can do, each part checked."""

import errno

from pyxs import Client, PyXSError


def refused(code, call, *words):
    try:
        call(*words)
    except PyXSError as e:
        assert e.args[0] == code, e
        return
    raise AssertionError("not refused: %r" % (words,))


with Client() as c, Client() as other:
    # Nodes.
    c[b"/py/a"] = b"one"
    assert c[b"/py/a"] == b"one"
    c.mkdir(b"/py/b/c")
    assert c.list(b"/py") == [b"a", b"b"], c.list(b"/py")
    assert c.exists(b"/py/b/c") and not c.exists(b"/py/d")
    assert c.read(b"/py/d", b"none") == b"none"
    refused(errno.ENOENT, c.read, b"/py/d")
    del c[b"/py/b"]
    assert not c.exists(b"/py/b/c")
    c.write(b"/py/w/x", b"1")
    c.write(b"/py/w/y", b"2")
    walked = {path: value for path, value, _children in c.walk(b"/py")}
    assert walked == {b"/py": b"", b"/py/a": b"one", b"/py/w": b"", b"/py/w/x": b"1", b"/py/w/y": b"2"}, walked

    # Permissions.
    c.set_perms(b"/py/a", [b"r0", b"w0"])
    assert c.get_perms(b"/py/a") == [b"r0", b"w0"], c.get_perms(b"/py/a")

    # Domains.
    assert c.get_domain_path(0) == b"/local/domain/0"
    assert c.is_domain_introduced(0)
    assert not c.is_domain_introduced(4321)

    # Transactions: what is inside is nobody else's until the end; one that was overtaken does not happen.
    c.transaction()
    c[b"/py/tx"] = b"inside"
    assert not other.exists(b"/py/tx")
    assert c.commit()
    assert other[b"/py/tx"] == b"inside"
    c.transaction()
    c[b"/py/tx"] = c[b"/py/tx"] + b"!"
    other[b"/py/tx"] = b"faster"
    assert not c.commit()
    assert c[b"/py/tx"] == b"faster"
    c.transaction()
    c[b"/py/tx"] = b"never"
    c.rollback()
    assert c[b"/py/tx"] == b"faster"

    # Watches, with requests of the same connection between.
    with c.monitor() as m:
        m.watch(b"/py/w", b"token")
        events = m.wait()
        assert tuple(next(events)) == (b"/py/w", b"token")
        other[b"/py/w/x"] = b"3"
        assert tuple(next(events)) == (b"/py/w/x", b"token")
        c.delete(b"/py/w/y")
        assert tuple(next(events)) == (b"/py/w/y", b"token")

    c.delete(b"/py")
print("all done")
