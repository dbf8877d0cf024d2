"""Writes the machine-readable copyright file: ours, and one paragraph for each wheel that came along."""

from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

_HEAD = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: edge-agent

Files: *
Copyright: edge-agent developers
License: Apache-2.0

"""
_APACHE = """License: Apache-2.0
 On Debian systems, the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
"""


def write(packaging: Path, stage: Path) -> None:
    """`/usr/share/doc/edge-agent/copyright`; `packaging/copyright.extra` adds what no wheel says of itself."""
    base = stage / "opt/edge-agent/base"
    (site,) = (base / "lib").glob("python*/site-packages")
    text = _HEAD
    for info in sorted(site.glob("*.dist-info")):
        said = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        if said["Name"] != "edge-agent":
            text += _paragraph(info, said, info.relative_to(stage))
    text += (packaging / "copyright.extra").read_text() + "\n" + _APACHE
    file = stage / "usr/share/doc/edge-agent/copyright"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def licence(said: Message) -> str:
    """The licence's name in one line, as the wheel's metadata tells it."""
    classifiers = [
        line.rsplit("::", 1)[1].strip()
        for line in said.get_all("Classifier") or []
        if line.startswith("License ::") and line.count("::") > 1
    ]
    lines = str(said["License"] or "").splitlines()
    plain = lines[0].strip() if len(lines) == 1 else ""
    return str(said["License-Expression"] or plain or " or ".join(classifiers) or (lines or ["as its files say"])[0])


def _paragraph(info: Path, said: Message, place: Path) -> str:
    texts = sorted(
        file for file in info.rglob("*")
        if file.is_file() and file.name.lower().startswith(("licen", "copying", "notice", "copyright", "authors"))
    )  # fmt: skip
    name, version = said["Name"], said["Version"]
    owner = said["Author"] or said["Author-email"] or said["Maintainer"] or said["Maintainer-email"]
    owner = " ".join(str(owner or f"authors of {name}").split())
    where = "\n".join(f" /{place / file.relative_to(info)}" for file in texts) or " (none in the wheel)"
    alias = f"bundled-{name}"
    return (
        f"Files: opt/edge-agent/base/lib/*/{name}*\nComment: {name} {version}, {licence(said)}\n"
        f"Copyright: {owner}\nLicense: {alias}\n {licence(said)}. Texts:\n{where}\n\n"
    )
