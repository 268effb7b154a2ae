"""Heimdal's GSS-API as a peer, through ctypes: the questions and answers of gssapiPeer.py, as far as its methods are here.

LD_LIBRARY_PATH leads to Heimdal's libraries.
"""

import base64
import ctypes
import json
import sys
from ctypes import byref, c_int, c_size_t, c_uint32, c_void_p

gss = ctypes.CDLL("libgssapi.so.3")
for function in (gss.gss_accept_sec_context, gss.gss_init_sec_context, gss.gss_import_name, gss.gss_wrap, gss.gss_unwrap):
    function.restype = ctypes.c_uint32
for function in (gss.gss_get_mic, gss.gss_verify_mic, gss.gss_display_name):
    function.restype = ctypes.c_uint32

CONTINUE_NEEDED = 1


class Buffer(ctypes.Structure):
    _fields_ = [("length", c_size_t), ("value", c_void_p)]


class Oid(ctypes.Structure):
    _fields_ = [("length", c_uint32), ("elements", c_void_p)]


KEPT = []


def kept(octets):
    """A pointer to octets that stay where they are."""
    KEPT.append(ctypes.create_string_buffer(octets, len(octets)))
    return ctypes.cast(KEPT[-1], c_void_p)


def oid(octets):
    return Oid(len(octets), kept(octets))


MECHANISMS = {"krb5": oid(bytes.fromhex("2a864886f712010202")), "spnego": oid(bytes.fromhex("2b0601050502"))}
HOSTBASED_SERVICE = oid(bytes.fromhex("2a864886f71201020104"))


class Failure(Exception):
    def __init__(self, what, major, minor, token):
        super().__init__("%s: %s; %s" % (what, status(major, 1), status(minor, 2)))
        self.major, self.minor, self.token = major, minor, token


def status(number, kind):
    minor, more, message = c_uint32(), c_uint32(), Buffer()
    gss.gss_display_status(byref(minor), number, kind, None, byref(more), byref(message))
    return taken(message).decode(errors="replace")


def buffer(octets):
    value = ctypes.create_string_buffer(octets, len(octets))
    given = Buffer(len(octets), ctypes.cast(value, c_void_p))
    given.kept = value
    return given


def taken(buffer):
    """The octets that the library gave, which are released."""
    octets = ctypes.string_at(buffer.value, buffer.length) if buffer.value else b""
    minor = c_uint32()
    gss.gss_release_buffer(byref(minor), byref(buffer))
    return octets


def check(what, major, minor, token=b"", allowed=0):
    if major & ~allowed:
        raise Failure(what, major, minor.value, token)


def octets(text):
    return b"" if text is None else base64.b64decode(text)


def text(value):
    return base64.b64encode(value).decode() if value else None


def display(name):
    minor, shown = c_uint32(), Buffer()
    check("gss_display_name", gss.gss_display_name(byref(minor), name, byref(shown), None), minor)
    return taken(shown).decode()


class Side:
    def __init__(self):
        self.context = c_void_p()
        self.source = c_void_p()
        self.target = None
        self.flags = c_uint32()


class Peer:
    def __init__(self):
        self.sides = {}

    def accept(self, side, token):
        this = self.sides.setdefault(side, Side())
        minor, out = c_uint32(), Buffer()
        major = gss.gss_accept_sec_context(
            byref(minor), byref(this.context), None, byref(buffer(octets(token))), None, byref(this.source),
            None, byref(out), byref(this.flags), None, None,
        )
        return self.state(this, "gss_accept_sec_context", major, minor, taken(out))

    def initiate(self, side, target, flags, mechanism="krb5", token=None):
        this = self.sides.setdefault(side, Side())
        minor, out = c_uint32(), Buffer()
        if this.target is None:
            this.target = c_void_p()
            name = buffer(target.encode())
            major = gss.gss_import_name(byref(minor), byref(name), byref(HOSTBASED_SERVICE), byref(this.target))
            check("gss_import_name", major, minor)
        major = gss.gss_init_sec_context(
            byref(minor), None, byref(this.context), this.target, byref(MECHANISMS[mechanism]), c_uint32(flags),
            c_uint32(0), None, byref(buffer(octets(token))), None, byref(out), byref(this.flags), None,
        )
        return self.state(this, "gss_init_sec_context", major, minor, taken(out))

    def state(self, this, what, major, minor, token):
        check(what, major, minor, token, CONTINUE_NEEDED)
        answer = {"token": text(token), "done": not major & CONTINUE_NEEDED}
        if answer["done"]:
            answer["flags"] = this.flags.value
            answer["source"] = display(this.source) if this.source else ""
        return answer

    def wrap(self, side, message, confidential=True):
        minor, out, sealed = c_uint32(), Buffer(), c_int()
        major = gss.gss_wrap(
            byref(minor), self.sides[side].context, c_int(confidential), c_uint32(0), byref(buffer(octets(message))),
            byref(sealed), byref(out),
        )
        check("gss_wrap", major, minor)
        return {"token": text(taken(out))}

    def unwrap(self, side, token):
        minor, out, sealed = c_uint32(), Buffer(), c_int()
        major = gss.gss_unwrap(
            byref(minor), self.sides[side].context, byref(buffer(octets(token))), byref(out), byref(sealed), None
        )
        check("gss_unwrap", major, minor)
        return {"message": base64.b64encode(taken(out)).decode(), "confidential": bool(sealed.value)}

    def mic(self, side, message):
        minor, out = c_uint32(), Buffer()
        major = gss.gss_get_mic(
            byref(minor), self.sides[side].context, c_uint32(0), byref(buffer(octets(message))), byref(out)
        )
        check("gss_get_mic", major, minor)
        return {"token": text(taken(out))}

    def verify(self, side, message, token):
        minor = c_uint32()
        major = gss.gss_verify_mic(
            byref(minor), self.sides[side].context, byref(buffer(octets(message))), byref(buffer(octets(token))), None
        )
        check("gss_verify_mic", major, minor)
        return {}


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("op"))(**request)
        except Failure as error:
            answer = {"error": str(error), "major": error.major, "minor": error.minor, "token": text(error.token)}
        print(json.dumps(answer), flush=True)


main()
