"""A small ONVIF camera of our own on loopback: SOAP over HTTP with WS-Security or HTTP Digest, and WS-Discovery.

It can lie: with entity bombs, endless answers, silence, faults, HTML, wrong hosts.
"""

import asyncio
import base64
import hashlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

SOAP = "http://www.w3.org/2003/05/soap-envelope"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TRT = "http://www.onvif.org/ver10/media/wsdl"
TT = "http://www.onvif.org/ver10/schema"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + '<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    + f'<e:Envelope xmlns:e="{SOAP}"><e:Body>&j;&file;</e:Body></e:Envelope>'
)


@dataclass
class Stream:
    token: str
    path: str
    width: int
    height: int
    encoding: str = "H264"
    fps: int = 15
    kbit: int = 2048
    gop: int = 30


def _streams() -> list[Stream]:
    return [Stream("p0", "main", 1920, 1080), Stream("p1", "sub", 640, 360, kbit=384)]


@dataclass
class OnvifCamera:
    """`async with OnvifCamera() as camera`: `camera.address` is its device service, `camera.probe` its search port."""

    username: str = "admin"
    password: str = "gate & <horn>"
    http_digest: bool = False
    clock_error: timedelta = timedelta()
    rtsp: str = "rtsp://{host}:8554/{path}"
    named_host: str = "192.168.1.64"
    """The host that its answers name: a camera behind a router does not know how it is reached."""
    streams: list[Stream] = field(default_factory=_streams)
    lie: Callable[[str], bytes | None] = lambda _operation: None
    """What is answered instead, raw HTTP included."""
    discovery: bytes | None = None
    asked: list[str] = field(default_factory=list)
    zone_set: str = ""

    def __post_init__(self) -> None:
        self._serving: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.probe = udp.getsockname()[:2]
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Probed(self), sock=udp)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        self._server.close()
        for transport in self._writers:
            transport.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._serving.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"(?i)content-length: (\d+)", head)
                body = (await reader.readexactly(int(length[1]))).decode() if length else ""
                writer.write(self._answer(head, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._serving.discard(asyncio.current_task())  # type: ignore[arg-type]
            writer.close()

    def _answer(self, head: str, body: str) -> bytes:
        found = re.search(r"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)", body)
        operation = found[1] if found else "?"
        self.asked.append(operation)
        if (lie := self.lie(operation)) is not None:
            return lie
        if operation != "GetSystemDateAndTime":
            if self.http_digest and not self._digest_right(head):
                challenge = 'WWW-Authenticate: Digest realm="cam", nonce="n0nce", qop="auth", algorithm=MD5'
                return http("", 401, challenge)
            if not self.http_digest and not self._token_right(body):
                return http(fault("NotAuthorized", "Sender not authorized"), 400)
        handler: Any = getattr(self, f"_{operation}", None)
        if handler is None:
            return http(fault("ActionNotSupported", f"{operation} is not supported"), 400)
        return http(envelope(handler(body)))

    def _token_right(self, body: str) -> bool:
        def of(name: str) -> str:
            match = re.search(rf"<(?:[\w-]+:)?{name}(?:\s[^>]*)?>([^<]*)<", body)
            return match[1] if match else ""

        nonce, created, digest = base64.b64decode(of("Nonce")), of("Created"), of("Password")
        if not created:
            return False
        age = abs(self.now - datetime.fromisoformat(created.replace("Z", "+00:00")))
        wanted = base64.b64encode(hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()).decode()
        return of("Username") == self.username and digest == wanted and age < timedelta(seconds=10)

    def _digest_right(self, head: str) -> bool:
        fields = dict(re.findall(r'(\w+)="?([^",\r]*)"?', head.partition("Digest ")[2].partition("\r\n")[0]))
        if fields.get("username") != self.username:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        first = md5(f"{self.username}:cam:{self.password}")
        second = md5(f"POST:{fields['uri']}")
        words = (first, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], second)
        return fields["response"] == md5(":".join(words))

    def _GetSystemDateAndTime(self, _: str) -> str:
        now = self.now
        return (
            f'<tds:GetSystemDateAndTimeResponse xmlns:tds="{TDS}" xmlns:tt="{TT}"><tds:SystemDateAndTime>'
            "<tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            "<tt:TimeZone><tt:TZ>ICT-7</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _SetSystemDateAndTime(self, body: str) -> str:
        values = {
            name: int(re.search(rf"<(?:[\w-]+:)?{name}>(\d+)<", body)[1])  # type: ignore[index]
            for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        }
        at = datetime(*values.values(), tzinfo=UTC)  # type: ignore[arg-type]
        self.clock_error = at - datetime.now(UTC)
        self.zone_set = re.search(r"<(?:[\w-]+:)?TZ(?:\s[^>]*)?>([^<]*)<", body)[1]  # type: ignore[index]
        return f'<tds:SetSystemDateAndTimeResponse xmlns:tds="{TDS}"/>'

    def _GetDeviceInformation(self, _: str) -> str:
        return (
            f'<tds:GetDeviceInformationResponse xmlns:tds="{TDS}"><tds:Manufacturer>Made here</tds:Manufacturer>'
            "<tds:Model>Gate 2\u202e\n</tds:Model><tds:FirmwareVersion>1.0</tds:FirmwareVersion>"
            "<tds:SerialNumber>7</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"
            "</tds:GetDeviceInformationResponse>"
        )

    def _GetCapabilities(self, _: str) -> str:
        address = f"http://{self.named_host}:{self.port}/onvif/media_service"
        capable = "".join(f"<tt:{name}>false</tt:{name}>" for name in ("RTPMulticast", "RTP_TCP", "RTP_RTSP_TCP"))
        return (
            f'<tds:GetCapabilitiesResponse xmlns:tds="{TDS}" xmlns:tt="{TT}"><tds:Capabilities><tt:Media>'
            f"<tt:XAddr>{address}</tt:XAddr><tt:StreamingCapabilities>{capable}</tt:StreamingCapabilities>"
            "</tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _GetProfiles(self, _: str) -> str:
        profiles = "".join(
            f'<trt:Profiles token="{s.token}" fixed="true"><tt:Name>{s.path}</tt:Name>'
            f'<tt:VideoEncoderConfiguration token="v{s.token}"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount>'
            f"<tt:Encoding>{s.encoding}</tt:Encoding><tt:Resolution><tt:Width>{s.width}</tt:Width>"
            f"<tt:Height>{s.height}</tt:Height></tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl>"
            f"<tt:FrameRateLimit>{s.fps}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
            f"<tt:BitrateLimit>{s.kbit}</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>{s.gop}</tt:GovLength>"
            "<tt:H264Profile>High</tt:H264Profile></tt:H264></tt:VideoEncoderConfiguration></trt:Profiles>"
            for s in self.streams
        )
        return f'<trt:GetProfilesResponse xmlns:trt="{TRT}" xmlns:tt="{TT}">{profiles}</trt:GetProfilesResponse>'

    def _GetStreamUri(self, body: str) -> str:
        token = re.search(r"ProfileToken>([^<]*)<", body)[1]  # type: ignore[index]
        path = next(s.path for s in self.streams if s.token == token)
        url = self.rtsp.format(host=self.named_host, path=path)
        return (
            f'<trt:GetStreamUriResponse xmlns:trt="{TRT}" xmlns:tt="{TT}"><trt:MediaUri><tt:Uri>{url}</tt:Uri>'
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )


class _Probed(asyncio.DatagramProtocol):
    def __init__(self, camera: OnvifCamera) -> None:
        self._camera = camera

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert b"NetworkVideoTransmitter" in data
        camera = self._camera
        camera.asked.append("Probe")
        answer = camera.discovery
        if answer is None:
            answer = match(f"http://10.9.8.7/onvif/device_service {camera.address}").encode()
        self._transport.sendto(answer, addr)


def match(
    addresses: str, id_: str = "urn:uuid:1419d68a-1dd2-11b2-a105-000000000001", name: str = "C%E1%BB%95ng"
) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="{SOAP}" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Body><d:ProbeMatches><d:ProbeMatch>'
        f"<w:EndpointReference><w:Address>{id_}</w:Address></w:EndpointReference>"
        f"<d:Scopes>onvif://www.onvif.org/name/{name} onvif://www.onvif.org/hardware/G2 other:thing</d:Scopes>"
        f"<d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
    )


def envelope(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'


def fault(code: str, reason: str) -> str:
    return envelope(
        '<s:Fault xmlns:ter="http://www.onvif.org/ver10/error"><s:Code><s:Value>s:Sender</s:Value>'
        f"<s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
    )


def http(body: str | bytes, status: int = 200, *headers: str) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/soap+xml; charset=utf-8", f"Content-Length: {len(raw)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + raw
