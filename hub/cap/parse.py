"""From bytes to an alert: schema and meaning of CAP 1.2, every mistake with its place."""

import re

from hub.cap.areas import limit, read_area, values
from hub.cap.message import (
    DEFAULT_LANGUAGE,
    NAMESPACE,
    Alert,
    Category,
    Certainty,
    Info,
    MsgType,
    Reference,
    Resource,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from hub.cap.reading import Findings, Part, Problem, clean
from hub.cap.xml import Element, XmlError
from hub.cap.xml import parse as parse_xml

SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
MOST_INFOS = 20
MOST_REFERENCES = 100
_FAMILY = "urn:oasis:names:tc:emergency:cap:"
_FORBIDDEN = re.compile(r"[\s,<&]")
_ALERT = (
    *("identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code"),
    *("note", "references", "incidents", "info"),
)
_INFO = (
    *("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience", "eventCode"),
    *("effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact"),
    *("parameter", "resource", "area"),
)
_RESOURCE = ("resourceDesc", "mimeType", "size", "uri", "derefUri", "digest")


class CapError(Exception):
    """Not a CAP 1.2 message. `problems`: all that is wrong, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.key} {p.path}" for p in problems))
        self.problems = problems


def parse(data: bytes) -> Alert:
    """The alert of a file of at most 1 MB. Raises CapError."""
    try:
        root = parse_xml(data)
    except XmlError as error:
        params = {name: str(value)[:200] for name, value in error.params.items()}
        raise CapError((Problem(f"cap.xml_{error.code}", "", 0, params),)) from error
    return read(root)


def read(root: Element) -> Alert:
    """The alert of a parsed element. Raises CapError."""
    if root.name != "alert" or root.space != NAMESPACE:
        key = "cap.bad_version" if root.space.startswith(_FAMILY) else "cap.bad_root"
        raise CapError((Problem(key, root.name[:100], root.line),))
    findings = Findings()
    alert = _alert(Part(root, "alert", findings), findings)
    if findings.problems or alert is None:
        raise CapError(tuple(findings.problems))
    return alert


def _alert(part: Part, findings: Findings) -> Alert | None:
    signed = _without_signature(part.element)
    part.only(*_ALERT)
    sender, identifier, sent = _name(part, "sender"), _name(part, "identifier"), part.time("sent", required=True)
    status = part.one_of("status", Status, Status.DRAFT)
    kind = part.one_of("msgType", MsgType, MsgType.ERROR)
    scope = part.one_of("scope", Scope, Scope.PRIVATE)
    references = tuple(_references(part))
    if kind in (MsgType.UPDATE, MsgType.CANCEL) and not references:
        part.bad("cap.bad_no_references", "references", kind=kind)
    for required, name in ((Scope.RESTRICTED, "restriction"), (Scope.PRIVATE, "addresses")):
        if not part.text(name) and scope is required:
            part.bad("cap.bad_missing", name)
    infos = tuple(_info(info) for info in part.parts("info", MOST_INFOS))
    limit(part, [area for info in infos for area in info.areas])
    if sent is None:
        return None
    return Alert(
        identifier,
        sender,
        sent,
        status,
        kind,
        scope,
        part.text("note"),
        references,
        tuple(part.text("incidents").split()[:MOST_REFERENCES]),
        infos,
        tuple(findings.notes),
        signed,
    )


def _without_signature(root: Element) -> bool:
    """Put signatures aside (section 3.3.4.1: they stand in the alert element); whether there are any."""
    others = [child for child in root.children if (child.space, child.name) != (SIGNATURES, "Signature")]
    signed, root.children = len(others) < len(root.children), others
    return signed


def _name(part: Part, name: str) -> str:
    """An identifier or sender (section 3.2.1: no spaces, commas, < or &)."""
    text = part.text(name, required=True)
    if _FORBIDDEN.search(text) or len(text) > 250:
        part.bad("cap.bad_name", name, value=text)
    return text


def _references(part: Part) -> list[Reference]:
    found: list[Reference] = []
    for text in part.text("references").split()[:MOST_REFERENCES]:
        sender, _, rest = text.partition(",")
        identifier, _, sent = rest.rpartition(",")
        if not sender or not identifier or "," in identifier:
            part.bad("cap.bad_reference", "references", value=text)
        elif (instant := part.instant("references", sent)) is not None:
            found.append(Reference(sender, identifier, instant))
    return found


def _info(part: Part) -> Info:
    part.only(*_INFO)
    categories = part.some_of("category", Category)
    if not part.parts("category"):
        part.bad("cap.bad_missing", "category")
    return Info(
        event=part.text("event", required=True),
        urgency=part.one_of("urgency", Urgency, Urgency.UNKNOWN),
        severity=part.one_of("severity", Severity, Severity.UNKNOWN),
        certainty=_certainty(part),
        language=part.text("language") or DEFAULT_LANGUAGE,
        categories=categories,
        responses=part.some_of("responseType", ResponseType),
        event_codes=values(part, "eventCode"),
        effective=part.time("effective"),
        onset=part.time("onset"),
        expires=part.time("expires"),
        sender_name=part.text("senderName"),
        headline=part.text("headline"),
        description=part.text("description"),
        instruction=part.text("instruction"),
        contact=part.text("contact"),
        parameters=values(part, "parameter"),
        areas=tuple(read_area(area) for area in part.parts("area")),
        resources=tuple(_resource(resource) for resource in part.parts("resource")),
    )


def _certainty(part: Part) -> Certainty:
    """`Very Likely` of CAP 1.0 counts as `Likely` (section 3.2.2)."""
    found = part.element.first("certainty", NAMESPACE)
    if found is not None and clean(found.text) == "Very Likely":
        part.note("cap.note_very_likely")
        return Certainty.LIKELY
    return part.one_of("certainty", Certainty, Certainty.UNKNOWN)


def _resource(part: Part) -> Resource:
    part.only(*_RESOURCE)
    return Resource(
        part.text("resourceDesc", required=True), part.text("mimeType", required=True), part.text("uri")[:2000]
    )
