"""MIT's GSS-API as a peer: one JSON object a line in, one out, octets in base64. gssapiPeer.ts speaks to it.

{"op": NAME, ...}: the methods of Peer below. A failure is {"error": TEXT, "major": N, "minor": N, "token": B64?}.
"""

import base64
import json
import sys

import gssapi.raw as raw

MECHANISMS = {
    "krb5": raw.OID.from_int_seq("1.2.840.113554.1.2.2"),
    "spnego": raw.OID.from_int_seq("1.3.6.1.5.5.2"),
}
NAME_TYPES = {
    "service": raw.NameType.hostbased_service,
    "principal": raw.NameType.kerberos_principal,
    "export": raw.NameType.export,
}
SESSION_KEY = raw.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")


def octets(text):
    return None if text is None else base64.b64decode(text)


def text(value):
    return None if value is None else base64.b64encode(value).decode()


def bindings(data):
    return None if data is None else raw.ChannelBindings(application_data=octets(data))


def flag_list(number):
    """The module takes an empty list for its own default; TRANS is what every context has."""
    return [1 << bit for bit in range(32) if number & (1 << bit)] or [raw.RequirementFlag.transferable]


def bits(flags):
    number = 0
    for flag in flags:
        number |= int(flag)
    return number


class Side:
    """One side of a context, as far as it has come."""

    def __init__(self):
        self.context = None
        self.delegated = None
        self.credentials = None


class Peer:
    def __init__(self):
        self.sides = {}

    def start(self, side):
        return self.sides.setdefault(side, Side())

    def accept(self, side, token, service=None, bound=None):
        """One token of an initiator. service: principal of the keytab, any unless given."""
        this = self.start(side)
        if this.credentials is None and service is not None:
            name = raw.import_name(service.encode(), raw.NameType.kerberos_principal)
            this.credentials = raw.acquire_cred(name, usage="accept").creds
        result = raw.accept_sec_context(
            octets(token), acceptor_creds=this.credentials, context=this.context, channel_bindings=bindings(bound)
        )
        this.context = result.context
        if result.delegated_creds is not None:
            this.delegated = result.delegated_creds
        return self.state(this, result.token, result.more_steps)

    def initiate(self, side, target, flags, mechanism="krb5", token=None, bound=None, delegated_of=None, name="service"):
        """The next token for an acceptor, with the credential cache of the environment or what was delegated to another side."""
        this = self.start(side)
        if this.credentials is None and delegated_of is not None:
            this.credentials = self.sides[delegated_of].delegated
        result = raw.init_sec_context(
            raw.import_name(target.encode(), NAME_TYPES[name]),
            creds=this.credentials,
            context=this.context,
            mech=MECHANISMS[mechanism],
            flags=flag_list(flags),
            channel_bindings=bindings(bound),
            input_token=octets(token),
        )
        this.context = result.context
        return self.state(this, result.token, result.more_steps)

    def state(self, this, token, more):
        answer = {"token": text(token), "done": not more}
        if not more:
            facts = raw.inquire_context(this.context)
            answer.update(
                flags=bits(facts.flags),
                source=str(raw.display_name(facts.initiator_name, name_type=False).name.decode()),
                target=str(raw.display_name(facts.target_name, name_type=False).name.decode()),
                lifetime=facts.lifetime,
                delegated=this.delegated is not None,
                **self.key(this),
            )
        return answer

    def key(self, this):
        value, oid = raw.inquire_sec_context_by_oid(this.context, SESSION_KEY)
        return {"key": text(value), "etype": int(raw.OID(elements=oid).dotted_form.split(".")[-1])}

    def wrap(self, side, message, confidential=True):
        return {"token": text(raw.wrap(self.sides[side].context, octets(message), confidential).message)}

    def unwrap(self, side, token):
        result = raw.unwrap(self.sides[side].context, octets(token))
        return {"message": text(result.message), "confidential": result.encrypted}

    def mic(self, side, message):
        return {"token": text(raw.get_mic(self.sides[side].context, octets(message)))}

    def verify(self, side, message, token):
        raw.verify_mic(self.sides[side].context, octets(message), octets(token))
        return {}

    def store(self, side, ccache):
        """Writes what was delegated to a credential cache."""
        raw.store_cred_into(
            {b"ccache": ccache.encode()},
            self.sides[side].delegated,
            usage="initiate",
            mech=MECHANISMS["krb5"],
            overwrite=True,
            set_default=True,
        )
        return {}

    def name(self, value, name_type):
        """How MIT displays and exports a name."""
        given = octets(value) if name_type == "export" else value.encode()
        name = raw.canonicalize_name(raw.import_name(given, NAME_TYPES[name_type]), MECHANISMS["krb5"])
        return {
            "display": raw.display_name(name, name_type=False).name.decode(),
            "exported": text(raw.export_name(name)),
        }


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("op"))(**request)
        except raw.GSSError as error:
            answer = {
                "error": str(error),
                "major": error.maj_code,
                "minor": error.min_code,
                "token": text(getattr(error, "token", None)),
            }
        print(json.dumps(answer), flush=True)


main()
