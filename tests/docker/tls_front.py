"""A Docker engine behind TLS: a front on loopback requires a client certificate and leads to the engine's socket."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tasks.registry import pki

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 16


def make_certificates(folder: Path) -> Path:
    """Make `ca.pem`, `cert.pem` and `key.pem` for a client, and `server.crt` and `server.key` by that CA."""
    ca = pki.ensure_ca(folder / "ca", "engine")
    pki.ensure_server(folder, ca, ["127.0.0.1"])
    shutil.copy(ca.certificate, folder / "ca.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = pki._subject("client")
    builder = pki._builder(subject, subject, key, 1)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "cert.pem").write_bytes(pki._sign(builder, key).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


@contextlib.contextmanager
def serving(certificates: Path, engine: str) -> Iterator[str]:
    """Serve the front and yield its address.

    Args:
        certificates: The folder that `make_certificates` filled; only its client is let in.
        engine: The engine's `unix://` address.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    context.load_verify_locations(certificates / "cert.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, context, engine.removeprefix("unix://")))
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, path: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, context, path), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext, path: str) -> None:
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX) as engine,
        context.wrap_socket(connection, server_side=True) as client,
    ):
        engine.connect(path)
        back = threading.Thread(target=_copy, args=(engine, client), daemon=True)
        back.start()
        _copy(client, engine)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
