"""Where a browser without JavaScript goes after a form: back to the page on which it stood."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request


def back(request: Request, otherwise: str, said: str) -> str:
    """The address of the form's page (of this hub only), with the name of the note that it will show."""
    came = urlsplit(request.headers.get("referer", ""))
    ours = came.netloc.lower() == request.headers.get("host", "").lower() and came.path.startswith("/")
    if not ours or came.path == request.url.path:  # the page of one form has no address by which it can be asked for
        came = urlsplit(otherwise)
    path = "/" + came.path.lstrip("/")  # `//other.example` would be another host
    kept = [(name, value) for name, value in parse_qsl(came.query) if name != "said"]
    return f"{path}?{urlencode([*kept, ('said', said)])}"
