"""A certificate authority for one test file: a server's certificate, and clients' certificates with any name."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .grpc_client import SERVER


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM and in files."""

    certificate: bytes
    key: bytes
    certificate_file: Path
    key_file: Path


class Authority:
    """Signs certificates into `directory`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        root = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.root = root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.root_file = directory / "root.pem"
        self.root_file.write_bytes(self.root)
        self.server = self.issue("server", dns=[SERVER])

    def issue(
        self, name: str, *, uris: list[str] | None = None, dns: list[str] | None = None, subject: str | None = None
    ) -> Pair:
        """Issues a certificate. `name` is used for its files, and as its subject unless `subject` is given."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)]), key)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris or []]
        names += [x509.DNSName(value) for value in dns or []]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pair = Pair(certificate, private, self.directory / f"{name}.pem", self.directory / f"{name}.key")
        pair.certificate_file.write_bytes(certificate)
        pair.key_file.write_bytes(private)
        return pair

    def client(self, pair: Pair | None) -> ssl.SSLContext:
        """How a raw client connects with this certificate, or without one."""
        context = ssl.create_default_context(cafile=str(self.root_file))
        context.set_alpn_protocols(["h2"])
        if pair is not None:
            context.load_cert_chain(pair.certificate_file, pair.key_file)
        return context

    def serving(self, host: str) -> ssl.SSLContext:
        """How a server of this process answers, as this host."""
        pair = self.issue(host, dns=[host])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate_file, pair.key_file)
        return context

    def listener(self) -> dict[str, Any]:
        """Envoy's side: a client may have no certificate, but not a certificate of another authority."""
        return {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2"],
                    "tls_certificates": [
                        {
                            "certificate_chain": {"filename": str(self.server.certificate_file)},
                            "private_key": {"filename": str(self.server.key_file)},
                        }
                    ],
                    "validation_context": {"trusted_ca": {"filename": str(self.root_file)}},
                },
            },
        }

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
