"""What may be installed, by The Update Framework: signed lists that expire and cannot be turned back.

The agent asks the hub, and keeps a copy of what it heard in its inbox. The installer reads that copy with a memory of
its own, as if the inbox were a hub that nobody trusts. Blocking; heavy imports: for processes of their own.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from securesystemslib.exceptions import StorageError as UnreadableError
from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from edge_agent.contract.errors import Refusal
from edge_agent.store.files import sync_folder, write_atomically
from edge_agent.update.bundle import Bundle
from edge_agent.update.inbox import Inbox
from edge_agent.update.remote import Cut, Remote
from edge_agent.update.room import disk_refusal

_MOST = 4_000_000


class _Asks(Protocol):
    def read(self, name: str) -> bytes | None: ...


class FromHub:
    """Metadata from the hub, with a copy of each in a folder."""

    def __init__(self, remote: Remote, folder: Path) -> None:
        self._remote = remote
        self._folder = folder
        self.host = remote.host

    def read(self, name: str) -> bytes | None:
        """One file; None where the hub has none. Raises DownloadError."""
        try:
            with self._remote.get(f"metadata/{name}") as (status, pieces):
                if status in (403, 404):
                    return None
                if status != 200:
                    raise Cut(f"HTTP {status}")
                content = _bounded(pieces)
        except Cut as cut:
            raise tuf.DownloadError(str(cut)) from cut
        write_atomically(self._folder / name, content)
        return content


class FromInbox:
    """Metadata that the agent left."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.host = "inbox"

    def read(self, name: str) -> bytes | None:
        """One file; None where there is none."""
        return self._inbox.read(name, _MOST)


class _Fetcher(FetcherInterface):
    """tuf's idea of a network, over one of ours."""

    def __init__(self, source: _Asks) -> None:
        self._source = source

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = unquote(urlsplit(url).path).rpartition("/")[2]
        content = self._source.read(name)
        if content is None:
            raise tuf.DownloadHTTPError(f"{name} is not there", 404)
        return iter([content])


def offered(source: FromHub | FromInbox, memory: Path, pinned: bytes | None) -> list[Bundle]:
    """All archives that are validly offered now. `memory`: folder of what was believed last; `pinned`: first root.

    Raises Refusal `update.no_root`, `update.offline`, `update.expired`, `update.rolled_back`, `update.signature`,
    `update.damaged`, `update.disk`, `update.no_room`.
    """
    if pinned is None:
        raise Refusal("update.no_root")
    with _refusing(source):
        memory.mkdir(parents=True, exist_ok=True, mode=0o750)
        config = UpdaterConfig(max_root_rotations=64, max_delegations=1)
        updater = Updater(str(memory), "inbox:///", fetcher=_Fetcher(source), config=config, bootstrap=pinned)
        updater.refresh()
        sync_folder(memory)
        listed = Metadata[Any].from_file(str(memory / "targets.json")).signed
        return [Bundle.of(name, one.length, one.hashes, one.custom) for name, one in sorted(listed.targets.items())]


@contextlib.contextmanager
def _refusing(source: FromHub | FromInbox) -> Iterator[None]:
    """The errors of tuf in our words; the more exact ones first."""
    try:
        yield
    except tuf.ExpiredMetadataError as error:
        raise Refusal("update.expired", detail=str(error)) from error
    except tuf.BadVersionNumberError as error:
        raise Refusal("update.rolled_back", detail=str(error)) from error
    except tuf.UnsignedMetadataError as error:
        raise Refusal("update.signature", detail=str(error)) from error
    except tuf.DownloadHTTPError as error:
        raise Refusal("update.unserved", detail=str(error)) from error
    except tuf.DownloadError as error:
        host = source.host
        raise Refusal("update.offline", host=host, detail=str(error)) from error
    except (tuf.RepositoryError, DeserializationError, UnreadableError, ValueError) as error:
        raise Refusal("update.damaged", detail=f"{type(error).__name__}: {error}"[:200]) from error
    except OSError as error:
        raise disk_refusal(error) from error


def _bounded(pieces: Iterator[bytes]) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > _MOST:
            raise Cut(f"more than {_MOST} bytes")
    return bytes(content)
