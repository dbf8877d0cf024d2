"""The child that reads a stranger's file: `python -m hub.documents.child` with the file as its standard input.

It may use little memory and time, write nothing, start nothing and open no connection. On standard output comes one
line of JSON: an extract, or `{"error": key, "params": {...}}`.
"""

import json
import os
import resource
import sys
from typing import Any, BinaryIO

MEMORY = 768 * 1024 * 1024
CPU_S = 20
_REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn")
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.")
_ZIP, _PDF, _OLE, _RTF = b"PK\x03\x04", b"%PDF-", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"


def confine(memory: int = MEMORY, cpu_s: int = CPU_S, writes: int = 0) -> None:
    """Limit this process: bytes of memory, seconds of work, bytes of a file that it writes."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (writes, writes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    os.nice(5)
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse if writes else _refuse_writing)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(event)


def _refuse_writing(event: str, given: tuple[Any, ...]) -> None:
    _refuse(event, given)
    if event.startswith(_CHANGES):
        raise PermissionError(event)
    if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise PermissionError(event)


def extract(file: BinaryIO) -> dict[str, Any]:
    """Read the file, by what it is and not by its name. Raises DocumentError."""
    from hub.documents import docx, layout, legacy, pdf, plain
    from hub.documents.model import DocumentError, Extract, Paragraph

    head = file.read(1024)
    file.seek(0)
    code, pages = "", 0
    if not head.strip():
        raise DocumentError("document.empty")
    if head.startswith(_OLE):  # a DOC of before 2007, or an Office file behind a password
        raise DocumentError("document.encrypted" if _is_locked(file) else "document.old_word")
    if head.startswith(_ZIP):
        kind = "docx"
        paragraphs, code = docx.read(file)
    elif _PDF in head:
        kind = "pdf"
        paragraphs, pages = pdf.read(file)
    elif head.startswith(_RTF) or head.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DocumentError("document.kind")
    else:
        kind = "txt"
        paragraphs, code = plain.read(file.read())
    if kind != "txt" and (found := legacy.detect(p.text for p in paragraphs)):
        code = found
        paragraphs = [Paragraph(legacy.convert(p.text, code), p.item, p.row) for p in paragraphs]
    if not any(char.isalpha() for p in paragraphs for char in p.text):
        raise DocumentError("document.images_only" if kind == "docx" else "document.empty")
    return Extract(kind, layout.parts(paragraphs), code, pages).as_json()


def _is_locked(file: BinaryIO) -> bool:
    file.seek(0)
    return "EncryptedPackage".encode("utf-16-le") in file.read(1_000_000)


def main() -> None:
    """Read standard input."""
    from hub.documents.model import DocumentError

    confine()
    try:
        answer = extract(sys.stdin.buffer)
    except DocumentError as error:
        answer = {"error": error.key, "params": error.params}
    except (MemoryError, RecursionError):
        answer = {"error": "document.bomb", "params": {}}
    sys.stdout.write(json.dumps(answer, ensure_ascii=True))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
