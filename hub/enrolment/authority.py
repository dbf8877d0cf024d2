"""The hub's own certificate authority: EC P-256, in `data/identity`, made at first need."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_agent.contract.enrolment import pin_of
from hub.config import ConfigError
from hub.enrolment import files

LIFE = timedelta(days=7305)
"""Of the CA and of the hub's own listeners: 20 years."""
BEGIN = datetime(1970, 1, 2, tzinfo=UTC)
"""From when on they hold: a node whose clock has not been set yet must be able to believe them."""
BACK = timedelta(days=1)
"""Nodes' certificates begin that much earlier: the broker's clock may be behind."""


class Authority:
    """Signs certificates and lists of those that are revoked."""

    def __init__(self, folder: Path) -> None:
        """Opens what is in the folder, or makes it. Raises ConfigError."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._key = _key_in(folder)
            self.certificate = _certificate_in(folder, self._key)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"cannot use the certificate authority in {folder}: {error}") from error

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pin(self) -> str:
        """By what a card names it."""
        return pin_of(self.certificate.public_bytes(serialization.Encoding.DER))

    def certify(self, name: str, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta) -> x509.Certificate:
        """A node's certificate: good to come in with, not to serve or to sign others."""
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        end = min(now + life, self.certificate.not_valid_after_utc)
        return self._sign(_plain(name, key, now - BACK, end, usage))

    def server(self, stem: str, names: tuple[str, ...]) -> tuple[Path, Path]:
        """Certificate and key of one of the hub's own listeners, kept in the folder; made anew for other names."""
        pem, key_file = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        try:
            if self._fits(pem, key_file, names):
                return pem, key_file
            key = ec.generate_private_key(ec.SECP256R1())
            end = self.certificate.not_valid_after_utc
            builder = _plain(names[0], key.public_key(), BEGIN, end, ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(x509.SubjectAlternativeName([*map(_name, names)]), critical=False)
            files.put(key_file, _private(key), files.SECRET)
            files.put(pem, self._sign(builder).public_bytes(serialization.Encoding.PEM), files.OPEN)
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot make the certificate {pem}: {error}") from error
        return pem, key_file

    def revocations(self, revoked: Iterable[tuple[int, datetime]], at: datetime) -> bytes:
        """The list (PEM) of serial numbers and instants. `at`: when it was made, for whoever compares two lists.

        It never gets too old: a broker whose hub is away must not shut all nodes out.
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(at).next_update(self.certificate.not_valid_after_utc)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        for serial, when in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def made(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is of this authority."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.issuer_name(self.certificate.subject).add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _fits(self, pem: Path, key_file: Path, names: tuple[str, ...]) -> bool:
        if not (pem.exists() and key_file.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(pem.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        same = list(known) == [*map(_name, names)] and certificate.public_key() == key.public_key()
        return same and self.made(certificate)


def _key_in(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = folder / "ca.key"
    if not path.exists():
        if (folder / "ca.pem").exists():
            raise ValueError("ca.key is missing beside ca.pem; bring it back from the backup")
        files.put_first(path, _private(ec.generate_private_key(ec.SECP256R1())), files.SECRET)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("ca.key is not an EC key")
    return key


def _certificate_in(folder: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    path = folder / "ca.pem"
    if not path.exists():
        files.put_first(path, _root(key).public_bytes(serialization.Encoding.PEM), files.OPEN)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if certificate.public_key() != key.public_key():
        raise ValueError("ca.pem and ca.key are not of the same key")
    return certificate


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    serial = x509.random_serial_number()
    name = _named(f"edge-hub {serial:040x}"[:20])  # two hubs are two authorities, also by name
    public = key.public_key()
    signs = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public).serial_number(serial)
    builder = builder.not_valid_before(BEGIN).not_valid_after(datetime.now(UTC) + LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(signs, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return builder.sign(key, hashes.SHA256())


def _plain(
    name: str, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime, usage: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_named(name)).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    signs = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(signs, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
