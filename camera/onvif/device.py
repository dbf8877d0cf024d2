"""One ONVIF camera: what it is, which streams it has, what its clock says.

The protocol is zeep's and onvif-zeep-async's (messages, WSDL, WS-Security); the addresses are ONVIF's own: Device
Management and Media, version 1, which every camera has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from camera.model import CameraFault
from camera.onvif.model import DeviceInfo, Profile, text
from camera.onvif.xml import HostileXml

T = TypeVar("T")
LIMIT_S = 25.0
"""A slow camera answers each of a dozen questions in about a second."""
MOST_PROFILES = 32
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_CODECS = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MPEG4": "mpeg4"}


def service_address(address: str) -> str:
    """The address of a device's service, from a host, host:port or the address itself. Raises CameraFault."""
    whole = address if "://" in address else f"http://{address}/onvif/device_service"
    try:
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = None
    if not usable:
        shown = "this" if "@" in address else repr(address[:200])  # it may hold a password
        raise CameraFault("camera.not_onvif", f"{shown} is no address of an ONVIF device", retry=False)
    return whole if parts.path not in ("", "/") else parts._replace(path="/onvif/device_service").geturl()


class Device:
    """`async with Device(address, user, password) as device: await device.look()`."""

    def __init__(self, address: str, username: str | None = None, password: str | None = None) -> None:
        """`address`: a host, host:port, or the address of the device service. Raises CameraFault."""
        self.address = service_address(address)
        self._host = urlsplit(self.address).hostname or ""
        self._username = username
        self._password = password
        self._skew = timedelta()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        """Load the library and make ready to ask."""
        from camera.onvif.transport import client

        self._client = await asyncio.to_thread(client, self._username, self._password)
        await asyncio.to_thread(_import_quietly)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def look(self) -> DeviceInfo:
        """Ask for everything. Raises CameraFault."""
        return await _told(self._look)

    async def clock_error(self) -> timedelta | None:
        """Return the camera's clock minus ours, to about a second. Raises CameraFault."""
        return await _told(self._clock_error)

    async def set_clock(self) -> timedelta | None:
        """Set the camera to our time, in its own time zone, and return the error that is left. Raises CameraFault."""
        return await _told(self._set_clock)

    async def _look(self) -> DeviceInfo:
        error = await self._clock_error()  # first: names in messages carry the camera's time
        async with self._service("devicemgmt", self.address, _DEVICE, "DeviceBinding") as device:
            about = await device.GetDeviceInformation()
            media = await _media_address(device, self.address)
        profiles = []
        async with self._service("media", media, _MEDIA, "MediaBinding") as service:
            for raw in list(await service.GetProfiles() or ())[:MOST_PROFILES]:
                profiles.append(_profile(raw, await _stream_address(service, raw), self._host))
        return DeviceInfo(
            address=self.address,
            maker=text(getattr(about, "Manufacturer", None)),
            model=text(getattr(about, "Model", None)),
            firmware=text(getattr(about, "FirmwareVersion", None)),
            clock_error=error,
            profiles=tuple(profiles),
        )

    async def _clock_error(self) -> timedelta | None:
        async with self._service("devicemgmt", self.address, _DEVICE, "DeviceBinding") as device:
            before = datetime.now(UTC)
            try:
                told = await device.authless_GetSystemDateAndTime()
            except _zeep_fault():
                told = await device.GetSystemDateAndTime()
            middle = before + (datetime.now(UTC) - before) / 2
        there = _instant(told)
        if there is None:
            return None
        error = there + timedelta(seconds=0.5) - middle  # whole seconds are told: on average half of one has passed
        self._skew = error
        return error

    async def _set_clock(self) -> timedelta | None:
        await self._clock_error()
        async with self._service("devicemgmt", self.address, _DEVICE, "DeviceBinding") as device:
            told = await device.GetSystemDateAndTime()
            await asyncio.sleep(1 - datetime.now(UTC).microsecond / 1e6)  # only whole seconds can be said
            now = datetime.now(UTC)
            zone = getattr(getattr(told, "TimeZone", None), "TZ", None)
            await device.SetSystemDateAndTime(
                {
                    "DateTimeType": "Manual",
                    "DaylightSavings": bool(getattr(told, "DaylightSavings", False)),
                    **({"TimeZone": {"TZ": zone}} if zone else {}),
                    "UTCDateTime": {
                        "Time": {"Hour": now.hour, "Minute": now.minute, "Second": now.second},
                        "Date": {"Year": now.year, "Month": now.month, "Day": now.day},
                    },
                }
            )
        return await self._clock_error()

    @asynccontextmanager
    async def _service(self, name: str, address: str, namespace: str, binding: str) -> AsyncIterator[Any]:
        import onvif
        from onvif.client import ONVIFService

        from camera.onvif.transport import transport

        wsdl = Path(onvif.__file__).parent / "wsdl" / f"{name}.wsdl"
        service = ONVIFService(
            *(address, self._username, self._password, str(wsdl)),
            no_cache=True,
            dt_diff=self._skew,
            binding_name=f"{{{namespace}}}{binding}",
        )
        try:
            service.transport = await asyncio.to_thread(transport, self._client, self._host)
            await service.setup()
            yield service if self._username else _Authless(service)
        finally:
            await service._session.close()  # its own, unused; `close` would end our client too


class _Authless:
    """Asks without a name: what one gets who knows no password."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name if name.startswith("authless_") else f"authless_{name}")


def _import_quietly() -> None:
    """Import the library, which sets up the logging of the whole program on its way: that is put back."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    import onvif  # noqa: F401

    root.setLevel(level)
    root.handlers[:] = handlers


async def _media_address(device: Any, fallback: str) -> str:
    told = await device.GetCapabilities({"Category": ["Media"]})
    address = getattr(getattr(told, "Media", None), "XAddr", None)
    return str(address)[:500] if address and urlsplit(str(address)).scheme in ("http", "https") else fallback


async def _stream_address(service: Any, raw: Any) -> str:
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    told = await service.GetStreamUri({"StreamSetup": setup, "ProfileToken": str(raw.token)})
    return str(getattr(told, "Uri", "") or "")[:500]


def _profile(raw: Any, url: str, host: str) -> Profile:
    coder = getattr(raw, "VideoEncoderConfiguration", None)
    size, rate = getattr(coder, "Resolution", None), getattr(coder, "RateControl", None)
    fps = _number(getattr(rate, "FrameRateLimit", None))
    gop = _number(getattr(getattr(coder, "H264", None), "GovLength", None))
    encoding = text(getattr(coder, "Encoding", None))
    return Profile(
        token=text(getattr(raw, "token", None)),
        name=text(getattr(raw, "Name", None)),
        url=stream_url(url, host),
        codec=_CODECS.get(encoding.upper(), encoding.lower() or None),
        width=_whole(getattr(size, "Width", None)),
        height=_whole(getattr(size, "Height", None)),
        fps=fps,
        kbit_s=_number(getattr(rate, "BitrateLimit", None)),
        gop_s=round(gop / fps, 2) if gop and fps else None,
    )


def stream_url(url: str, host: str) -> str:
    """The address with the host that we reach the camera by, without user and password; empty where it is no RTSP."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme != "rtsp" or not parts.hostname or any(ord(c) <= 32 for c in url.strip()):
        return ""
    named = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{named}:{port}" if port and port != 554 else named).geturl()


def _instant(told: Any) -> datetime | None:
    utc = getattr(told, "UTCDateTime", None)
    date, time = getattr(utc, "Date", None), getattr(utc, "Time", None)
    if date is None or time is None:
        return None
    try:
        # A camera that was never set may say 60 seconds, or the year 1970: the one is mended, the other told.
        second = min(59, int(time.Second))
        return datetime(
            int(date.Year), int(date.Month), int(date.Day), int(time.Hour), int(time.Minute), second, tzinfo=UTC
        )
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e7 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return round(number) if number else None


def _zeep_fault() -> type[Exception]:
    import zeep.exceptions

    fault: type[Exception] = zeep.exceptions.Fault
    return fault


async def _told(work: Callable[[], Awaitable[T]]) -> T:
    """What it returns; whatever goes wrong as a CameraFault."""
    import httpx
    import zeep.exceptions
    from lxml import etree
    from onvif.exceptions import ONVIFError

    try:
        async with asyncio.timeout(LIMIT_S):
            return await work()
    except zeep.exceptions.Fault as fault:
        raise _refused(fault) from fault
    except (zeep.exceptions.TransportError, httpx.HTTPStatusError) as error:
        status = getattr(error, "status_code", 0)
        code: Any = "camera.unauthorised" if status in (401, 403) else "camera.onvif_refused"
        raise CameraFault(code, f"HTTP {status}", retry=False) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise CameraFault("camera.timeout", "its ONVIF service does not answer") from error
    except (httpx.TransportError, OSError) as error:
        raise CameraFault("camera.unreachable", text(error) or "no connection") from error
    except (zeep.exceptions.Error, ONVIFError, HostileXml, etree.LxmlError, httpx.HTTPError) as error:
        raise CameraFault("camera.garbage", text(error), retry=False) from error
    except (AttributeError, TypeError, ValueError, KeyError, LookupError) as error:
        # zeep lets through what is no answer to the question; reading it then fails anywhere
        raise CameraFault("camera.garbage", "its answer is not what ONVIF says", retry=False) from error


def _refused(fault: Any) -> CameraFault:
    codes = " ".join(str(code) for code in getattr(fault, "subcodes", None) or ())
    words = text(fault.message)
    if "NotAuthorized" in codes or "FailedAuthentication" in codes or "not authorized" in words.lower():
        return CameraFault("camera.unauthorised", words or "the camera wants a user and a password", retry=False)
    return CameraFault("camera.onvif_refused", words or codes or "a SOAP fault", retry=False)
