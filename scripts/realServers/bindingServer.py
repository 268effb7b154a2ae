"""HTTPS acceptor that enforces channel bindings, for Debian's python3 with python3-gssapi.

Usage: bindingServer.py PORT:CERTIFICATE:KEY:HASH...  (KRB5_KTNAME names the keytab)

Each port answers Negotiate for HTTP@localhost with the bindings tls-server-end-point of its certificate (RFC 5929):
  /required   the client must have sent them: without the context's flag 0x800 the answer is 401
  /any        they must be right if the client has sent some, as MIT krb5 judges
The body is "user=NAME bound=True|False".
"""

import base64
import hashlib
import http.server
import ssl
import sys
import threading

import gssapi
from gssapi.raw import ChannelBindings

CHANNEL_BOUND = 0x800
gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False  # step() raises, the token for the peer is in the exception


def end_point(path, hash_name):
    with open(path, encoding="ascii") as file:
        der = ssl.PEM_cert_to_DER_cert(file.read())
    return ChannelBindings(application_data=b"tls-server-end-point:" + hashlib.new(hash_name, der).digest())


def negotiate(token):
    return "Negotiate " + base64.b64encode(token).decode() if token else "Negotiate"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "negotiate":
            return self.answer(401, "no token\n", "Negotiate")
        try:
            context = gssapi.SecurityContext(
                creds=self.server.credentials, usage="accept", channel_bindings=self.server.bindings
            )
            reply = context.step(base64.b64decode(text))
        except gssapi.exceptions.GSSError as error:
            return self.answer(401, f"{error}\n", negotiate(getattr(error, "token", None)))
        bound = bool(int(context.actual_flags) & CHANNEL_BOUND)
        if self.path == "/required" and not bound:
            return self.answer(401, "no channel bindings were supplied\n", "Negotiate")
        return self.answer(200, f"user={context.initiator_name} bound={bound}\n", negotiate(reply))

    do_POST = do_GET

    def answer(self, status, text, challenge):
        body = text.encode()
        self.send_response(status)
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(self.server.server_port, format % args, flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, certificate, key, hash_name, credentials):
        super().__init__(("127.0.0.1", port), Handler)
        self.credentials = credentials
        self.bindings = end_point(certificate, hash_name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    def finish_request(self, request, client_address):
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        print(self.server_port, sys.exc_info()[1], flush=True)


def main():
    name = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
    credentials = gssapi.Credentials(usage="accept", name=name)
    for port, certificate, key, hash_name in (word.split(":") for word in sys.argv[1:]):
        server = Server(int(port), certificate, key, hash_name, credentials)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


main()
