"""A visitor at the broker: sends signed commands, hears acks and reports. Used by the command line and the bench."""

import asyncio
import contextlib
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.config.broker import Broker
from edge_agent.config.yaml import YamlFault, read
from edge_agent.contract.commands import Ack, Command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import EVERYBODY, NodeTopics, parse
from edge_agent.link.address import broker_address
from edge_agent.link.wire import Incoming, Wire

_QUIET_S = 0.08


class _SigningKey(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    file: Path


class _Listen(BaseModel):
    model_config = ConfigDict(extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)


class _UploadTokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    file: Path


class Access(BaseModel):
    """The part of a hub's configuration that a visitor needs: the broker, the key that signs commands, the media."""

    model_config = ConfigDict(extra="ignore")

    broker: Broker
    signing_key: _SigningKey | None = Field(default=None)
    listen: _Listen = _Listen()
    upload_tokens: _UploadTokens | None = None

    @classmethod
    def read(cls, file: Path) -> Self:
        """From a hub's YAML. Raises Refusal `broker.refused` with what is wrong."""
        try:
            access = cls.model_validate(read(file.read_text(encoding="utf-8")).data)
        except (OSError, YamlFault, ValidationError, UnicodeDecodeError) as error:
            raise Refusal("broker.refused", detail=f"{file}: {error}") from error
        return access.under(file.resolve().parent)

    def under(self, folder: Path) -> Self:
        """The same with relative paths made absolute, as the hub reads them: from its file's folder."""
        changes: dict[str, Any] = {}
        if self.signing_key is not None:
            file = folder / self.signing_key.file
            changes["signing_key"] = self.signing_key.model_copy(update={"file": file})
        if self.upload_tokens is not None:
            changes["upload_tokens"] = _UploadTokens(file=folder / self.upload_tokens.file)
        secret = self.broker.password
        if secret is not None and secret.file is not None:
            absolute = secret.model_copy(update={"file": folder / secret.file})
            changes["broker"] = self.broker.model_copy(update={"password": absolute})
        return self.model_copy(update=changes)

    def hub_url(self) -> str:
        """Where the hub's HTTP is reached from its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.listen.host, self.listen.host)  # noqa: S104 - not bound
        return f"http://[{host}]:{self.listen.port}" if ":" in host else f"http://{host}:{self.listen.port}"

    def upload_token(self) -> str:
        """A token by which media may be put: the file's only one, or its first. Raises Refusal `media.no_token`."""
        if self.upload_tokens is None:
            raise Refusal("media.no_token", detail="upload_tokens")
        file = self.upload_tokens.file
        try:
            text = file.read_text(encoding="utf-8").strip()
            known = list(json.loads(text).values()) if text.startswith("{") else [text]
        except OSError as error:
            raise Refusal("media.no_token", detail=f"{file}: {error.strerror}") from error
        except ValueError:  # its message would show a part of the file
            raise Refusal("media.no_token", detail=f"{file}: JSON") from None
        token = next((each for each in known if isinstance(each, str) and each), None)
        if token is None:
            raise Refusal("media.no_token", detail=str(file))
        return token

    def signer(self) -> Signer:
        """Signs commands. Raises Refusal where there is no key."""
        if self.signing_key is None:
            raise Refusal("command.signature")
        try:
            content = self.signing_key.file.read_bytes()
        except OSError as error:
            raise Refusal("broker.refused", detail=f"{self.signing_key.file}: {error.strerror}") from error
        return Signer(self.signing_key.id, seed(content))


class Client:
    """`async with Client(access) as client:`; one connection, no session kept."""

    def __init__(self, access: Access, signer: Signer | None = None) -> None:
        self._access = access
        self._signer = signer
        self._listeners: list[Callable[[Incoming], None]] = []
        self._wire: Wire
        self._acks: dict[str, asyncio.Queue[Ack]] = defaultdict(lambda: asyncio.Queue(1000))
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        address = broker_address(self._access.broker, f"visitor-{secrets.token_hex(6)}")
        self._wire = Wire(address, None, self._hear)
        try:
            await self._wire.open()
        except BaseException:
            self._wire.close(politely=False)
            raise
        self._task = asyncio.create_task(self._wire.run(), name="visitor")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._wire.close()
        await asyncio.wait([self._task], timeout=2)

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._task.done()

    def listen(self, filters: list[str], listener: Callable[[Incoming], None]) -> None:
        """Hear everything on these topics."""
        self._listeners.append(listener)
        self._wire.subscribe([(name, 1) for name in filters])

    async def find(self, node: str, timeout_s: float = 3.0) -> NodeTopics:
        """The topics of a node by `commune/node`, or by its name alone when it has ever been heard of.

        Raises Refusal `command.unknown_node`.
        """
        commune, _, name = node.rpartition("/")
        if commune:
            return NodeTopics(commune, name)
        if name == EVERYBODY:
            return await self._find_commune()
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def hear(message: Incoming) -> None:
            parts = message.topic.split("/")
            if len(parts) == 4 and parts[2:] == [name, "status"] and not found.done():
                found.set_result(parts[1])

        self.listen([f"edge/+/{name}/status"], hear)
        try:
            return NodeTopics(await asyncio.wait_for(found, timeout_s), name)
        except TimeoutError as error:
            raise Refusal("command.unknown_node", id=name) from error

    async def _find_commune(self) -> NodeTopics:
        """The commune of all nodes that are heard of. Raises Refusal when there is none, or more than one."""
        online = await self.online(EVERYBODY)
        communes = sorted({topics.commune for topics in online})
        if len(communes) != 1:
            known = ", ".join(f"{commune}/{EVERYBODY}" for commune in communes) or "-"
            raise Refusal("command.unknown_thing", kind="commune", id=EVERYBODY, known=known)
        return NodeTopics(communes[0], EVERYBODY)

    async def online(self, commune: str, listen_s: float = 1.0) -> list[NodeTopics]:
        """The nodes of a commune (or of all) that the broker calls online.

        A broker sends what is retained at once and together: after the first it is over when nothing comes any more.
        """
        nodes: dict[tuple[str, str], bool] = {}
        news = asyncio.Event()

        def hear(message: Incoming) -> None:
            parsed = parse(message.topic)
            if parsed is not None and parsed.channel == "status":
                nodes[parsed.commune, parsed.node] = b'"online":true' in message.body
                news.set()

        self.listen([f"edge/{'+' if commune == EVERYBODY else commune}/+/status"], hear)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(listen_s):
                while True:
                    async with asyncio.timeout(_QUIET_S if nodes else listen_s):
                        await news.wait()
                    news.clear()
        return [NodeTopics(*key) for key, is_online in nodes.items() if is_online]

    async def ask(
        self, node: NodeTopics, args: dict[str, Any], by: str, life: timedelta = timedelta(minutes=5)
    ) -> tuple[Command, AsyncIterator[Ack]]:
        """Send a command; its answers follow. Raises pydantic's ValidationError for arguments that are wrong."""
        now = datetime.now(UTC)
        command = Command.model_validate(
            {
                "id": uuid7(),
                "to": f"{node.commune}/{node.node}",
                "by": by,
                "at": now,
                "expires": now + life,
                "args": args,
            }
        )
        if self._signer is None:
            raise Refusal("command.signature")
        self._wire.subscribe([(f"edge/{node.commune}/+/ack", 1)])
        queue = self._acks[command.id]
        topic = node.command_all if node.node == EVERYBODY else node.command
        await self._wire.publish(topic, self._signer.sign(command.model_dump_json(by_alias=True).encode()))
        return command, self._answers(queue)

    def publish(self, topic: str, body: bytes) -> None:
        """Send at QoS 0: what is lost is gone. Raises LinkDown."""
        self._wire.publish(topic, body, qos=0)

    async def _answers(self, queue: asyncio.Queue[Ack]) -> AsyncIterator[Ack]:
        while True:
            yield await queue.get()

    def _hear(self, message: Incoming) -> None:
        if message.topic.endswith("/ack"):
            try:
                ack = Ack.model_validate_json(message.body)
            except ValidationError:
                return
            if ack.id in self._acks:
                self._acks[ack.id].put_nowait(ack)
        for listener in self._listeners:
            listener(message)


def seed(content: bytes) -> bytes:
    """32 raw bytes, or base64url text of them."""
    if len(content) == 32:
        return content
    from base64 import urlsafe_b64decode

    text = content.strip()
    return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
