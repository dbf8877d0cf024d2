"""From what a person fills in to an address of Apprise, which is a secret, and what may be shown of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from hub.alerts.sending import SCHEMES
from hub.forms import Fields
from hub.people.joining import Wrong

_MAIL = re.compile(r"[^@\s,;<>]{1,64}@[A-Za-z0-9.-]{1,253}")
_HOST = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,253})(:(?P<port>\d{1,5}))?")
_TOKEN = re.compile(r"\d{5,20}:[\w-]{20,80}")
_CHAT = re.compile(r"-?\d{3,20}|@\w{3,60}")
_MOST_TO = 20


@dataclass(frozen=True, slots=True)
class Address:
    """`shown` says in a few words where it leads, without what opens it."""

    url: str
    shown: str


def address(fields: Fields) -> Address:
    """The address of a filled form. Raises Wrong."""
    make = _KINDS.get(fields.get("kind", ""))
    if make is None:
        raise Wrong("notify.no_kind")
    return make(fields)


def _mail(fields: Fields) -> Address:
    server = _HOST.fullmatch(fields.get("server", ""))
    if server is None or not 0 < int(server["port"] or 587) < 65536:
        raise Wrong("notify.no_server")
    to = [one for one in re.split(r"[\s,;]+", fields.get("to", "")) if one]
    if not to or len(to) > _MOST_TO or not all(_MAIL.fullmatch(one) for one in to):
        raise Wrong("notify.no_to")
    sender = fields.get("from", "") or fields.get("user", "")
    if not _MAIL.fullmatch(sender):
        raise Wrong("notify.no_from")
    user, password = fields.get("user", ""), fields.get("password", "")
    if bool(user) != bool(password):
        raise Wrong("notify.no_password")
    opens = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    scheme = "mailtos" if user else "mailto"  # a password never travels open
    port = f":{server['port']}" if server["port"] else ""
    mode = "&mode=ssl" if server["port"] == "465" else ""
    many = quote(",".join(to), safe="@,")
    url = (
        f"{scheme}://{opens}{server['host']}{port}?smtp={server['host']}&from={quote(sender, safe='@')}&to={many}{mode}"
    )
    return Address(url, ", ".join(to)[:300])


def _telegram(fields: Fields) -> Address:
    token, chat = fields.get("token", ""), fields.get("chat", "")
    if not _TOKEN.fullmatch(token):
        raise Wrong("notify.no_token")
    if not _CHAT.fullmatch(chat):
        raise Wrong("notify.no_chat")
    return Address(f"tgram://{token}/{quote(chat, safe='')}/", f"Telegram {chat}")


def _web(fields: Fields) -> Address:
    given = fields.get("web", "")[:2000]
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Wrong("notify.no_web") from error
    if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in given):
        raise Wrong("notify.no_web")
    scheme = "jsons" if parts.scheme == "https" else "json"
    # what stands after the question mark belongs to the service: Apprise passes on what begins with a minus
    query = "&".join(f"-{part}" for part in parts.query.split("&") if part)
    return Address(f"{scheme}://{parts.netloc}{parts.path or '/'}{'?' + query if query else ''}", host)


def _other(fields: Fields) -> Address:
    url = fields.get("url", "")[:2000]
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in SCHEMES or not rest or any(char.isspace() for char in url):
        raise Wrong("notify.no_url")
    return Address(url, scheme.lower())


_KINDS: dict[str, Callable[[Fields], Address]] = {"mail": _mail, "telegram": _telegram, "web": _web, "other": _other}
KINDS = tuple(_KINDS)
"""In the order in which the form offers them."""
