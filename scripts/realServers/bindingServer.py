"""HTTPS acceptor that enforces channel bindings, for Debian's python3 with python3-gssapi.

Usage: bindingServer.py CERTIFICATE:KEY:HASH...  (KRB5_KTNAME names the keytab)

For each it binds a free port of 127.0.0.1 and prints "ports PORT...". Each port answers Negotiate for HTTP@localhost with
the bindings tls-server-end-point of its certificate (RFC 5929):
  /required   the client must have sent them: without the context's flag 0x800 the answer is 401
  /any        they must be right if the client has sent some, as MIT krb5 judges
The body is "user=NAME bound=True|False". To CONNECT it is a proxy (407) that requires bindings in Proxy-Authorization.
"""

import base64
import hashlib
import http.server
import select
import socket
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


def relay(secured, plain):
    """Copies both ways until one side ends."""
    other = {secured: plain, plain: secured}
    while True:
        for one in [secured] if secured.pending() else select.select(list(other), [], [])[0]:
            octets = one.recv(65536)
            if not octets:
                return
            other[one].sendall(octets)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        accepted = self.accept("Authorization", 401, self.path.startswith("/required"))
        if accepted:
            name, bound, reply = accepted
            self.answer(200, f"user={name} bound={bound}\n", negotiate(reply))

    do_POST = do_GET

    def do_CONNECT(self):
        if not self.accept("Proxy-Authorization", 407, True):
            return
        self.close_connection = True
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as onward:
            self.send_response(200)
            self.end_headers()
            relay(self.connection, onward)

    def accept(self, header, status, required):
        """Name, whether bound, and the reply's token; None after a refusal."""
        scheme, _, text = self.headers.get(header, "").partition(" ")
        if scheme.lower() != "negotiate":
            return self.answer(status, "no token\n", "Negotiate")
        try:
            context = gssapi.SecurityContext(
                creds=self.server.credentials, usage="accept", channel_bindings=self.server.bindings
            )
            reply = context.step(base64.b64decode(text))
        except gssapi.exceptions.GSSError as error:
            return self.answer(status, f"{error}\n", negotiate(getattr(error, "token", None)))
        bound = bool(int(context.actual_flags) & CHANNEL_BOUND)
        if required and not bound:
            return self.answer(status, "no channel bindings were supplied\n", "Negotiate")
        return context.initiator_name, bound, reply

    def answer(self, status, text, challenge):
        print(self.server.server_port, self.path, status, text, end="", flush=True)
        body = text.encode()
        self.send_response(status)
        self.send_header("Proxy-Authenticate" if status == 407 else "WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:  # without it node:http gives the connection to the next request
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """answer() has said it."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, certificate, key, hash_name, credentials):
        super().__init__(("127.0.0.1", 0), Handler)
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
    servers = [Server(*word.split(":"), credentials) for word in sys.argv[1:]]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ports", *(server.server_port for server in servers), flush=True)
    threading.Event().wait()


main()
