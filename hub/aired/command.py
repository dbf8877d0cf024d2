"""`edge-hub aired`: the log of a month on the command line, from the database, whether the hub runs or not."""

import sys
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hub import database
from hub.aired import files, month, paper, rows
from hub.aired.words import Wording
from hub.config import HubConfig
from hub.language import translator

_SHOWN = 20
"""Names that are listed where one is not known."""


class Failed(Exception):
    """What could not be done, as a sentence."""


def show(config: HubConfig, chosen: str, kind: str, out: Path | None, where: str) -> None:
    """Write the month as `text`, `csv`, `json` or `pdf` to a file or standard output. Raises Failed."""
    address = config.database_address
    file = database.file_of(address)
    if file is not None and not file.exists():
        raise Failed(f"there is no database {file} yet")
    try:
        _check_place(config, address, where)
        if kind == "pdf":
            _write(_paper(config, address, chosen, where), out)
        else:
            _lines(config, address, chosen, kind, out, where)
    except month.Unclear as error:
        raise Failed(translator(config.language)(str(error))) from error
    except paper.TooLong as error:
        raise Failed(translator(config.language)("aired.paper_long")) from error
    except (SQLAlchemyError, OSError) as error:
        raise Failed(f"{database.shown(address)}: {database.why(error)}") from error


def _check_place(config: HubConfig, address: URL, where: str) -> None:
    """A name that is mistyped must not look like a month without a broadcast."""
    with database.opened(address) as connection:
        known = sorted(rows.names(connection))
    if where and not any(where in (address, address.partition("/")[0]) for address in known):
        told = ", ".join(known[:_SHOWN]) + (" …" if len(known) > _SHOWN else "")
        raise Failed(translator(config.language)("aired.no_place", where=where, known=told or "–"))


def _paper(config: HubConfig, address: URL, chosen: str, where: str) -> bytes:
    title = config.name or translator(config.language)("page.console")
    zone = config.zone
    job = paper.Job(
        *(address.render_as_string(hide_password=False), chosen, where, "", "", zone.key, config.language, title),
        printed=paper.local_now(zone),
    )
    return paper.printed(job)


def _lines(config: HubConfig, address: URL, chosen: str, kind: str, out: Path | None, where: str) -> None:
    wanted = month.wanted(chosen, config.zone, where)
    with database.opened(address) as connection:
        names = rows.names(connection)
        found = rows.rows(connection, wanted)
        if kind == "text":
            wording = Wording(config.language, config.zone, names)
            sums = wording.totals(rows.totals(connection, wanted))
            made = (*(_plain(wording, row) for row in found), *(f"{name}: {value}\n" for name, value in sums))
            _write("".join(made).encode(), out)
            return
        lines = (files.csv_lines if kind == "csv" else files.json_lines)(found, config.zone, names)
        if out is None:
            for line in lines:
                sys.stdout.buffer.write(line.encode())
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)


def _plain(wording: Wording, row: rows.Row) -> str:
    line = wording.line(row)
    parts = (f"{line.day} {line.time}", line.node, line.title, line.state_word, line.length, line.heard_word)
    return " · ".join(part for part in (*parts, *line.notes) if part) + "\n"


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)
