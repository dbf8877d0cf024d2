"""The hub's configuration file: YAML, strict, every mistake at once and in a sentence."""

import difflib
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import Field, IPvAnyAddress, ValidationError, field_validator, model_validator
from sqlalchemy.engine import URL

from edge_agent.contract.base import Name, Strict
from edge_agent.contract.sentences import Language
from hub.alerts.settings import Notify
from hub.backup.settings import Backups
from hub.bulletins.settings import Approval, Hours
from hub.cap.settings import CapSettings
from hub.database import address_of
from hub.enrolment.settings import Enrolment
from hub.language import sentence
from hub.nodes.map_settings import MapSettings
from hub.people.demo_settings import Demo
from hub.plain import plain
from hub.refused import why
from hub.residents.settings import Residents
from tts.engines.settings import EngineSettings, EspeakSettings
from tts.model import VoiceSettings

MB = 1_000_000
_CITIES = ("hanoi", "ha_noi", "danang", "da_nang", "hcm", "hcmc", "vietnam", "viet_nam")
_VIETNAM = ". Was Asia/Ho_Chi_Minh meant?"
"""No zone is called after the capital, and the one whose name is nearest to it is half an hour away."""


class ConfigError(Exception):
    """The configuration cannot be used. The text is one sentence a line, for a person."""


class Secret(Strict):
    """A secret that stands elsewhere: in a file, or in an environment variable."""

    file: Path | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Secret":
        if (self.file is None) == (self.env is None):
            raise ValueError("give either file or env")
        return self

    def read(self) -> str:
        """The secret without surrounding white space. Raises ConfigError."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(f"the environment variable {self.env} is not set")
            return value.strip()
        try:
            return Path(str(self.file)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the secret {self.file}: {error}") from error


class Listen(Strict):
    """Where the console is served. Passwords travel to it: beyond loopback it stands behind a web server with https."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535, description="0: any free port")
    names: tuple[str, ...] = Field(default=(), description="Host names people use for it; others are refused")
    proxies: tuple[IPvAnyAddress, ...] = Field(
        default=(), max_length=20, description="Web servers before it, believed in X-Forwarded-For and -Proto"
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Broker(Strict):
    """The MQTT broker."""

    url: str = Field(default="mqtt://127.0.0.1:1883", description="mqtt://host:port")
    username: str | None = None
    password: Secret | None = None
    keepalive: int = Field(default=30, ge=5, le=3600, description="Seconds")

    @field_validator("url")
    @classmethod
    def _is_mqtt(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "mqtt" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("a broker is written mqtt://host:port")
        if parts.username or parts.password:
            raise ValueError("user name and password have keys of their own, they do not belong into the address")
        if parts.port == 0:  # reading .port also raises ValueError when it is no number up to 65535
            raise ValueError("port 0 is no port")
        return value

    @property
    def host(self) -> str:
        """Name or address."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """TCP port, 1883 when the address says none."""
        return urlsplit(self.url).port or 1883


class Database(Strict):
    """PostgreSQL, where one file is not enough or others keep the backups. Not given: SQLite in `data`."""

    url: str = Field(description="postgresql+psycopg://user@host:port/name")
    password: Secret | None = None

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("postgresql+psycopg", "postgresql") or not parts.path.strip("/"):
            raise ValueError("a database is written postgresql+psycopg://user@host:port/name")
        if parts.password or "password" in parts.query:
            raise ValueError("the password has a key of its own, it does not belong into the address")
        if parts.port == 0:  # reading .port also raises ValueError when it is no number up to 65535
            raise ValueError("port 0 is no port")
        return f"postgresql+psycopg{value.removeprefix(parts.scheme)}"


class SigningKey(Strict):
    """The key that signs commands; nodes pin its public half."""

    id: Name = "hub"
    file: Path | None = Field(default=None, description="Made (mode 0600) if missing; default signing.key in data")


class UploadTokens(Strict):
    """Who may put media: a JSON object node -> token, or a file with one shared token."""

    file: Path


class Limits(Strict):
    """What the hub keeps at most."""

    records: int = Field(default=1_000_000, ge=1000, description="Events and samples, rows")
    airings: int = Field(default=500_000, ge=1000, description="Rows of the as-aired log")
    media_mb: int = Field(default=1000, ge=10, description="Pictures, clips and sounds, MB; a clip takes 90 % at most")
    nodes: int = Field(default=20_000, ge=1, description="About 20 kB of memory each")
    viewers: int = Field(default=100, ge=1, description="Pages that are kept live at once")


class Drafting(Strict):
    """A language model that may propose the spoken draft of a notice. THE TEXT OF THE NOTICE IS SENT TO IT."""

    url: str = Field(description="Base address of an OpenAI-compatible service, such as http://127.0.0.1:8000/v1")
    model: str = Field(min_length=1, max_length=200)
    key: Secret | None = Field(default=None, description="Sent as a bearer token")
    timeout_s: float = Field(default=60, ge=1, le=300, description="For the whole answer")
    max_chars: int = Field(default=12_000, ge=500, le=100_000, description="Longer notices are not sent")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an address is written https://host:port/v1")
        if parts.username or parts.password:
            raise ValueError("the key has a key of its own, it does not belong into the address")
        return value.rstrip("/")


class HubVoice(VoiceSettings):
    """The voice of previews. Only the offline one unless the file says otherwise: gTTS would send drafts to Google."""

    chain: tuple[EngineSettings, ...] = Field(
        default=(EspeakSettings(),), min_length=1, max_length=8, description="Engines in the order of trying"
    )


class HubConfig(Strict):
    """The whole file."""

    name: str = Field(default="", max_length=100, description="The commune as people call it")
    listen: Listen = Listen()
    address: str = Field(
        default="", max_length=200, description="As people reach it, https://...: for links and QR codes"
    )
    demo: Demo | None = Field(default=None, description="People without passwords; on loopback only")
    communes: tuple[Name, ...] = Field(
        default=(), max_length=1000, description="Codes of the communes that are served; absent: whichever report"
    )
    language: Language = "vi"
    data: Path = Field(default=Path("hub-data"), description="Folder; relative paths start at this file")
    database: Database | None = None
    broker: Broker = Broker()
    signing_key: SigningKey = SigningKey()
    upload_tokens: UploadTokens | None = None
    enrolment: Enrolment | None = Field(default=None, description="Absent: nodes get no certificates from this hub")
    timezone: str = "Asia/Ho_Chi_Minh"
    voice: HubVoice = HubVoice()
    dictionary: Path = Field(
        default=Path("dictionary.yaml"), description="How the commune's own words are read; in data unless absolute"
    )
    authorities: tuple[Name, ...] = Field(
        default=("commune", "area"),
        max_length=20,
        description="In whose name bulletins may be planned; as at the nodes",
    )
    drafting: Drafting | None = Field(default=None, description="Absent: drafts are proposed by rules only")
    limits: Limits = Limits()
    cap: CapSettings = CapSettings()
    approval: Approval = Approval()
    hours: Hours = Hours()
    notify: Notify = Notify()
    residents: Residents = Residents()
    map: MapSettings = MapSettings()
    backups: Backups | None = Field(default=None, description="Absent: nobody asks how old the newest backup is")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            meant = _VIETNAM if plain(value).endswith(_CITIES) else _asked(_nearest(value, available_timezones()))
            raise ValueError(f"no time zone of this name{meant}")
        return value

    @field_validator("address")
    @classmethod
    def _is_web(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/")):
            raise ValueError("an address is written https://name or http://name:port")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _demo_at_home(self) -> "HubConfig":
        if self.demo and not self.listen.is_loopback:
            raise ValueError("demo lets everybody in without a password: listen.host must be loopback, as 127.0.0.1")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The hub's own time zone."""
        return ZoneInfo(self.timezone)

    @property
    def database_address(self) -> URL:
        """Where the database is, with its password. Raises ConfigError."""
        if self.database is None:
            return address_of(self.data)
        password = self.database.password.read() if self.database.password else None
        return address_of(self.data, self.database.url, password)

    def under(self, folder: Path) -> "HubConfig":
        """The same with relative paths made absolute, from `folder`."""
        data = folder / self.data
        key = folder / self.signing_key.file if self.signing_key.file else data / "signing.key"
        changes: dict[str, Any] = {"data": data, "signing_key": SigningKey(id=self.signing_key.id, file=key)}
        cache = folder / self.voice.cache_dir if self.voice.cache_dir else data / "voice"
        changes["voice"] = self.voice.model_copy(update={"cache_dir": cache})
        changes["dictionary"] = data / self.dictionary
        if self.upload_tokens:
            changes["upload_tokens"] = UploadTokens(file=folder / self.upload_tokens.file)
        if self.drafting and self.drafting.key and self.drafting.key.file:
            drafting_key = Secret(file=folder / self.drafting.key.file)
            changes["drafting"] = self.drafting.model_copy(update={"key": drafting_key})
        if self.enrolment and self.enrolment.broker_files:
            files = folder / self.enrolment.broker_files
            changes["enrolment"] = self.enrolment.model_copy(update={"broker_files": files})
        if self.backups:
            sealed = folder / self.backups.passphrase_file if self.backups.passphrase_file else None
            moved = {"folder": folder / self.backups.folder, "passphrase_file": sealed}
            changes["backups"] = self.backups.model_copy(update=moved)
        changes["cap"] = self.cap.under(folder)
        changes["map"] = self.map.under(folder)
        if self.broker.password and self.broker.password.file:
            secret = Secret(file=folder / self.broker.password.file)
            changes["broker"] = self.broker.model_copy(update={"password": secret})
        if self.database and self.database.password and self.database.password.file:
            secret = Secret(file=folder / self.database.password.file)
            changes["database"] = self.database.model_copy(update={"password": secret})
        return self.model_copy(update=changes)


class _Loader(yaml.SafeLoader):
    """YAML where a key that stands twice is a mistake, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
        return super().construct_mapping(node, deep)


def load(path: Path) -> HubConfig:
    """Read the file. Raises ConfigError with every mistake, one sentence a line."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{_both('check.cannot_read')} (cannot read {path}: {error})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{_both('check.not_yaml')} ({path} is not YAML: {' '.join(str(error).split())})") from error
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: {_both('check.no_keys')}")
    try:
        folder = path.resolve().parent
        return HubConfig.model_validate(raw, context={"folder": folder}).under(folder)
    except ValidationError as error:
        told = (f"{path}:{line_of(text, e['loc'])}: {_sentence(e)}" for e in error.errors())
        raise ConfigError("\n".join(told)) from error


def line_of(text: str, where: Sequence[str | int]) -> int:
    """The line (from 1) on which a key of the file stands; where it is missing, that of the nearest one around it."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
            found = (node.value[int(part)],) * 2
        else:
            found = None
        if found is None:
            continue  # a missing key, or what pydantic calls a kind of union
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        meant = _nearest(str(error["loc"][-1]), _keys_beside(error["loc"]))
        guess = f". {sentence('vi', 'check.guess', meant=meant)}" if meant else ""
        return f"{where}: {sentence('vi', 'check.no_key')}{guess} / no such key{_asked(meant)}"
    told = sentence("vi", "check.missing") if error["type"] == "missing" else why(error)
    return f"{where}: {told} / {error['msg'].removeprefix('Value error, ')}"


def _both(key: str) -> str:
    return " / ".join(sentence(language, key) for language in ("vi", "en"))


def _keys_beside(where: tuple[Any, ...]) -> set[str]:
    model: Any = HubConfig
    for part in where[:-1]:
        if part not in model.model_fields:  # an entry of a list
            return set()
        field = model.model_fields[part].annotation
        model = next((a for a in (field, *getattr(field, "__args__", ())) if hasattr(a, "model_fields")), HubConfig)
    return set(model.model_fields)


def _nearest(word: str, known: set[str]) -> str:
    """What was probably meant; empty where nothing is near."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def _asked(meant: str) -> str:
    return f". Was {meant} meant?" if meant else ""
