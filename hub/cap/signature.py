"""Whether an alert was signed by whom it says: enveloped XML signatures (CAP 1.2, section 3.3.4.1; W3C XML-Signature).

    python -m hub.cap.signature CERTIFICATE.pem ... < alert.xml > what-was-signed.xml

Only keys of the certificates that are given count, whatever the message brings along. What goes on from here is what
was signed, never what stood around it. Runs in a process of its own, with limits: its libraries are large and in C.
"""

import asyncio
import contextlib
import logging
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

logger = logging.getLogger(__name__)

MOST_S = 60
"""A machine that is busy takes seconds only to begin."""
_MEMORY = 600 * 1024 * 1024
_WRONG, _OLD, _NO_KEY = 3, 4, 5
_KEYS = {_WRONG: "cap.sign_wrong", _OLD: "cap.sign_old", _NO_KEY: "cap.sign_no_key"}


class SignatureError(Exception):
    """Not signed by one of the certificates. `key`: of its sentence in hub/text."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


async def signed_part(data: bytes, certificates: Sequence[Path]) -> bytes:
    """What of a message one of the certificates signed. Raises SignatureError."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.cap.signature", *map(str, certificates)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        logger.error("no signature can be checked: %s", error)
        raise SignatureError("cap.sign_failed") from error
    try:
        async with asyncio.timeout(MOST_S):
            signed, complaint = await child.communicate(data)
    except TimeoutError as error:
        raise SignatureError("cap.sign_failed") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode == 0:
        return signed
    if child.returncode not in _KEYS:
        logger.error("a signature could not be checked: %s", complaint.decode(errors="replace")[-8000:])
    raise SignatureError(_KEYS.get(child.returncode or 0, "cap.sign_failed"))


def _main(paths: Sequence[str]) -> int:
    from cryptography import x509

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_S, MOST_S))
    data, now, old, known = sys.stdin.buffer.read(), datetime.now(UTC), False, False
    for path in paths:
        try:
            certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{path}: {error}\n")
            continue
        known = True
        signed = _verified(data, certificate)
        if signed is None:
            continue
        if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            sys.stdout.buffer.write(signed)
            return 0
        old = True
    return _OLD if old else _WRONG if known else _NO_KEY


def _verified(data: bytes, certificate: "Certificate") -> bytes | None:
    from lxml import etree
    from signxml.algorithms import SignatureMethod
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    methods = frozenset(m for m in SignatureMethod if "SHA1" not in m.name and "HMAC" not in m.name)
    config = SignatureConfiguration(location="./", expect_references=1, signature_methods=methods)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
        result = XMLVerifier().verify(root, x509_cert=certificate, expect_config=config)
    except (SignXMLException, etree.LxmlError, ValueError, LookupError, TypeError, AttributeError):
        return None  # forged signatures are wrong in more ways than the library names
    if isinstance(result, list) or result.signed_xml is None:
        return None
    signed: bytes = etree.tostring(result.signed_xml)
    return signed


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
