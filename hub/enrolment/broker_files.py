"""What mosquitto reads: the CA, its own certificate and key, and the list of revoked certificates."""

from pathlib import Path

from hub.config import ConfigError
from hub.enrolment import files
from hub.enrolment.authority import Authority
from hub.enrolment.settings import Enrolment

NAMES = ("ca.pem", "broker.pem", "broker.key", "crl.pem")


def write_for_broker(authority: Authority, settings: Enrolment) -> list[Path]:
    """Write what is missing or has changed, but for the list; the files that were written. Raises ConfigError.

    The key may be read by the group of the folder, which is the broker's.
    """
    folder = settings.broker_files
    if folder is None:
        return []
    pem, key = authority.server("broker", settings.broker_names)
    wanted = {
        "ca.pem": (authority.pem, files.OPEN),
        "broker.key": (key.read_bytes(), files.GROUP),
        "broker.pem": (pem.read_bytes(), files.OPEN),
    }
    written = []
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for name, (content, mode) in wanted.items():
            path = folder / name
            if not path.exists() or path.read_bytes() != content:
                files.put(path, content, mode)
                written.append(path)
    except OSError as error:
        raise ConfigError(f"cannot write for the broker into {folder}: {error}") from error
    return written
