"""TLS on the cable between two hosts: `python -m tests.captures.tls_relay SIDE LISTEN TARGET FOLDER`.

A relay runs on each host. That on the client's host accepts plain connections and opens TLS ones, that on
the server's host does the reverse. The server's relay makes a certificate in FOLDER and logs the secrets in
`keys.log` there, by Python's `ssl` module.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import sys
from pathlib import Path

from netchat.wire import DEFAULT_PORT

__all__ = ["CERTIFICATE", "KEY_LOG", "main"]

CERTIFICATE, KEY_LOG = "certificate.pem", "keys.log"


def make_certificate(path: Path, host: str) -> None:
    """Write a self-signed certificate for an address, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "netchat")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(pem) + private)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(side: str, listen: str, target: str, folder: Path) -> None:
    """Relay connections to `listen` to `target`."""
    certificate = folder / CERTIFICATE
    if side == "server":
        make_certificate(certificate, listen)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.keylog_filename = str(folder / KEY_LOG)
    else:
        context = ssl.create_default_context(cafile=str(certificate))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    secured, plain = (context, None) if side == "server" else (None, context)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target, DEFAULT_PORT, ssl=plain)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(relay, listen, DEFAULT_PORT, ssl=secured)
    print("listening", file=sys.stderr, flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], Path(sys.argv[4])))
