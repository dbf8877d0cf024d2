"""What `edge-hub check` tries of what starting needs, without starting: secrets, keys, folders."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hub.config import ConfigError, HubConfig, Secret, line_of
from hub.keyring import FOLDER, KeyRing
from hub.keys import Tokens
from hub.language import sentence
from hub.nodes.pmtiles import BadExtract, look


def mistakes(file: Path, config: HubConfig) -> Iterator[str]:
    """What would keep a hub from starting as `file` says: the line, in Vietnamese and in English."""
    text = file.read_text(encoding="utf-8")
    if not text.strip() or all(line.lstrip().startswith("#") for line in text.splitlines() if line.strip()):
        yield _told(file, text, (), "check.empty", "")
        return
    for where, key, attempt in _needs(config):
        try:
            attempt()
        except BadExtract as error:
            yield _told(file, text, where, error.key, "")
        except (ConfigError, OSError, ValueError) as error:
            yield _told(file, text, where, key, str(error))


def unset(config: HubConfig) -> Iterator[str]:
    """Environment variables that are not set here; the service may have them all the same."""
    for _, secret in _secrets(config):
        if secret.env and not os.environ.get(secret.env):
            yield " / ".join(sentence(language, "check.env", name=secret.env) for language in ("vi", "en"))


def _told(file: Path, text: str, where: tuple[str, ...], key: str, detail: str) -> str:
    at = f"{file}:{line_of(text, where)}: {'.'.join(where) + ': ' if where else ''}"
    said = " / ".join(sentence(language, key) for language in ("vi", "en"))
    return f"{at}{said}{f' ({detail})' if detail else ''}"


def _secrets(config: HubConfig) -> Iterator[tuple[tuple[str, ...], Secret]]:
    if config.broker.password:
        yield ("broker", "password"), config.broker.password
    if config.database and config.database.password:
        yield ("database", "password"), config.database.password
    if config.drafting and config.drafting.key:
        yield ("drafting", "key"), config.drafting.key


def _needs(config: HubConfig) -> Iterator[tuple[tuple[str, ...], str, Callable[[], object]]]:
    for where, secret in _secrets(config):
        if secret.file:
            yield where, "check.secret", lambda secret=secret: _filled(secret)  # type: ignore[misc]
    yield ("upload_tokens", "file"), "check.tokens", lambda: Tokens.load(config.upload_tokens)
    yield ("data",), "check.data", lambda: _writable(config.data)
    key = config.signing_key.file
    if (key and key.exists()) or (config.data / FOLDER).exists():
        yield ("signing_key", "file"), "check.signing_key", lambda: KeyRing(config)
    elif key and key.parent != config.data:
        yield ("signing_key", "file"), "check.folder", lambda: _writable(key.parent)
    for place, sender in enumerate(config.cap.senders):
        for certificate in sender.certificates:
            where = ("cap", "senders", str(place), "certificates")
            yield where, "check.certificate", lambda certificate=certificate: _certificate(certificate)  # type: ignore[misc]
    for place, extract in enumerate(config.map.extracts):
        where = ("map", "extracts", str(place), "file")
        yield where, "check.map", lambda extract=extract: look(extract.file)  # type: ignore[misc]


def _filled(secret: Secret) -> None:
    if not secret.read():
        raise ConfigError(f"{secret.file} is empty")


def _certificate(path: Path) -> None:
    if "-----BEGIN CERTIFICATE-----" not in path.read_text(encoding="ascii"):
        raise ConfigError(f"{path}: no PEM certificate")


def _writable(folder: Path) -> None:
    """Try it: in the folder, or in the nearest one that is there. Raises OSError."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with tempfile.TemporaryDirectory(prefix=".edge-hub-check-", dir=folder):
        pass
