"""The mesh's certificate authority, as an operator configures it for istiod: a root, and an intermediate that signs."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ISTIOD = "istiod.istio-system.svc"


def write(directory: Path) -> Path:
    """Fills `directory` with the files of istiod's secret `cacerts`."""
    directory.mkdir(parents=True, exist_ok=True)
    root_key, key = _key(), _key()
    root_name, name = _name("Root CA"), _name("Intermediate CA")
    root = _certificate(root_name, root_key, root_name, root_key, None)
    intermediate = _certificate(name, key, root_name, root_key, 0)
    pem = {
        "root-cert.pem": _pem(root),
        "ca-cert.pem": _pem(intermediate),
        "cert-chain.pem": _pem(intermediate) + _pem(root),
        "ca-key.pem": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }
    for file, content in pem.items():
        (directory / file).write_bytes(content)
    return directory


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Istio"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(
    subject: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, issuer_key: rsa.RSAPrivateKey, depth: int | None
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(ISTIOD)]), False)
        .sign(issuer_key, hashes.SHA256())
    )
