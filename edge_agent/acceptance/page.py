"""The acceptance as a page: its HTML. Pure: no sockets, no files."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from edge_agent.acceptance.picture import band_picture
from edge_agent.acceptance.session import Going, Session
from edge_agent.contract.birth import Stage
from edge_agent.contract.sentences import Language
from edge_agent.words import catalogue

END = "end"
"""The name of the last page."""


@dataclass(frozen=True, slots=True)
class Look:
    """For whom a page is drawn. `sent`: the sentence once the record is on its way; `problem`: what was refused."""

    language: Language
    token: str
    title: str
    sent: str = ""
    problem: str = ""


def word(language: Language, key: str, **params: object) -> str:
    """A sentence in the language of the reader."""
    return catalogue(language)[key].format(**params)


def door(language: Language, problem: str) -> str:
    """Asks for the code that the terminal shows."""
    body = (
        f"<h2>{_e(word(language, 'accept.code_title'))}</h2><p>{_e(word(language, 'accept.code_how'))}</p>"
        f'<form method="get" action="/open"><input type="hidden" name="lang" value="{language}">'
        f'<label for="code">{_e(word(language, "accept.code"))}</label>'
        '<input id="code" name="code" required autocomplete="off" autocapitalize="none" spellcheck="false">'
        f'<button class="main">{_e(word(language, "accept.code_open"))}</button></form>'
    )
    return _whole(Look(language, "", "", problem=problem), "", body)


def page(look: Look, session: Session, step: int | None) -> str:
    """One step, or the end (`step` None)."""
    maker = _Maker(look, session)
    if step is None:
        return _whole(look, f"?step={END}", maker.end())
    running = session.steps[step].running
    return _whole(look, f"?step={step}", maker.step(step), running=running)


class _Maker:
    """Writes the parts of one page."""

    def __init__(self, look: Look, session: Session) -> None:
        self._look, self._session = look, session

    def step(self, at: int) -> str:
        going = self._session.steps[at]
        count = self._say("accept.step", at=at + 1, all=len(self._session.steps))
        head = f'<p class="count">{count}</p><h2>{self._title(going)}</h2>'
        body = self._place() if not going.task.todo else self._doing(at, going)
        return f'<section class="step">{head}{body}</section>{self._ways(at)}'

    def end(self) -> str:
        """All steps, and the button that signs and sends."""
        rows = "".join(self._row(at, going) for at, going in enumerate(self._session.steps))
        if self._look.sent:
            sent = f'<p class="sent" role="status">{_e(self._look.sent)}</p>'
            return f"<h2>{self._say('accept.end')}</h2>{sent}<ol class='all'>{rows}</ol>"
        hint = "" if self._session.placed else f'<p class="bad">{self._say("accept.place_first")}</p>'
        send = f'<button class="main" name="act" value="send">{self._say("accept.send")}</button>'
        body = f"{hint}<ol class='all'>{rows}</ol><p>{self._say('accept.send_how')}</p>{self._form(END, send)}"
        return f"<h2>{self._say('accept.end')}</h2>{body}{self._ways(None)}"

    def _row(self, at: int, going: Going) -> str:
        result = going.result if going.task.todo else ("ok" if self._session.placed else None)
        name = result or "open"
        reason = f" – {_e(going.reason)}" if going.reason else ""
        return (
            f'<li class="{name}"><a href="/?step={at}&amp;lang={self._look.language}">{self._title(going)}</a>'
            f"<span>{self._say(f'accept.is_{name}')}{reason}</span></li>"
        )

    def _doing(self, at: int, going: Going) -> str:
        parts = [f'<p class="how">{self._say(f"accept.how_{going.task.kind}")}</p>']
        parts += [self._stage(stage, at, number) for number, stage in enumerate(going.stages)]
        if going.found and going.found[-1].bands:
            parts.append(band_picture(going.found[-1].bands, going.found[-1].noise, self._say("accept.bands")))
        if going.running:
            parts.append(self._running(going))
        elif going.question:
            parts.append(self._asking(at, going.question))
        elif going.result is None:
            todo = going.next
            act = todo.act if todo is not None else "measure"
            button = f'<button class="main" name="act" value="begin">{self._say(f"accept.do_{act}")}</button>'
            parts.append(self._form(str(at), button))
        else:
            parts.append(self._over(at, going))
        if going.result is None and not going.running:
            parts.append(self._skip(at))
        return "".join(parts)

    def _stage(self, stage: Stage, at: int, number: int) -> str:
        text = stage.vi if self._look.language == "vi" else stage.en
        kind = {True: "good", False: "bad", None: "note"}[stage.good]
        said = "accept.seen" if stage.seen else "accept.not_seen"
        person = "" if stage.seen is None else f" <b>{self._say(said)}</b>"
        shot = ""
        if stage.act == "picture" and stage.good:
            shot = f'<img src="/picture/{at}/{number}" alt="{self._say("accept.picture_alt")}">'
        return f'{shot}<p class="{kind}">{_e(text)}{person}</p>'

    def _running(self, going: Going) -> str:
        value = f' value="{going.progress:.2f}"' if going.task.kind == "link" else ""
        label = self._say(f"accept.wait_{going.task.kind}")
        bar = f'<progress max="1"{value} aria-label="{label}"></progress>'
        return f'<p class="wait" id="running" role="status">{label}</p>{bar}'

    def _asking(self, at: int, question: str) -> str:
        yes = f'<button class="yes" name="act" value="yes">{self._say("accept.yes")}</button>'
        no = f'<button class="no" name="act" value="no">{self._say("accept.no")}</button>'
        return f'<p class="ask">{self._say(question)}</p>{self._form(str(at), f"<div class=pair>{yes}{no}</div>")}'

    def _over(self, at: int, going: Going) -> str:
        reason = f": {_e(going.reason)}" if going.reason else ""
        said = f'<p class="over {going.result}">{self._say(f"accept.is_{going.result}")}{reason}</p>'
        again = f'<button name="act" value="again">{self._say("accept.again")}</button>'
        return f"{said}{self._form(str(at), again)}"

    def _skip(self, at: int) -> str:
        label = self._say("accept.reason")
        field = f'<label>{label}<input name="reason" maxlength="300" required autocomplete="off"></label>'
        button = f'<button name="act" value="skip">{self._say("accept.skip")}</button>'
        form = self._form(str(at), field + button)
        return f"<details><summary>{self._say('accept.skip_open')}</summary>{form}</details>"

    def _place(self) -> str:
        place = self._session.place
        latitude, longitude = f"{place.position.latitude:.6f}", f"{place.position.longitude:.6f}"
        numbers = "".join(
            f'<label>{self._say(f"accept.{name}")}<input name="{name}" id="{name}" inputmode="text" required '
            f'value="{value}" autocomplete="off"></label>'
            for name, value in (("latitude", latitude), ("longitude", longitude))
        )
        inner = (
            f'<label>{self._say("accept.installer")}<input name="installer" maxlength="100" required '
            f'value="{_e(place.installer)}" autocomplete="name"></label>{numbers}'
            f'<input type="hidden" name="by" id="by" value="{_e(place.position_by)}">'
            f'<button type="button" id="here" hidden>{self._say("accept.here")}</button>'
            f'<p id="here-no" class="note" hidden>{self._say("accept.here_no")}</p>'
            f'<button class="main" name="act" value="place">{self._say("accept.keep")}</button>'
        )
        done = f'<p class="over ok">{self._say("accept.is_ok")}</p>' if self._session.placed else ""
        return f'<p class="how">{self._say("accept.how_place")}</p>{done}{self._form("0", inner)}'

    def _ways(self, at: int | None) -> str:
        links = "".join(
            f'<a class="{kind}" href="/?step={where}&amp;lang={self._look.language}">{self._say(key)}</a>'
            for kind, where, key in self._around(at)
        )
        return f'<nav aria-label="{self._say("accept.ways")}">{links}</nav>'

    def _around(self, at: int | None) -> Iterator[tuple[str, str, str]]:
        last = len(self._session.steps) - 1
        if at is None:
            yield "back", str(last), "accept.back"
            return
        if at > 0:
            yield "back", str(at - 1), "accept.back"
        done = self._session.is_over(at)
        yield ("next done" if done else "next"), (str(at + 1) if at < last else END), "accept.next"
        yield "back", END, "accept.end"

    def _form(self, step: str, inner: str) -> str:
        """A form that works without a script, with what proves that it is ours."""
        hidden = {"token": self._look.token, "lang": self._look.language, "step": step}
        fields = "".join(f'<input type="hidden" name="{key}" value="{_e(value)}">' for key, value in hidden.items())
        return f'<form method="post" action="/do">{fields}{inner}</form>'

    def _title(self, going: Going) -> str:
        name = f": {_e(going.task.name)}" if going.task.name else ""
        return f"{self._say(f'accept.kind_{going.task.kind}')}{name}"

    def _say(self, key: str, **params: object) -> str:
        return _e(word(self._look.language, key, **params))


def _whole(look: Look, query: str, body: str, *, running: bool = False) -> str:
    language = look.language
    other: Language = "en" if language == "vi" else "vi"
    heading = _e(word(language, "accept.title"))
    switch = f"/{query}{'&amp;' if query else '?'}lang={other}"
    problem = f'<p id="problem" class="bad" role="alert">{_e(look.problem)}</p>' if look.problem else ""
    again = '<noscript><meta http-equiv="refresh" content="3"></noscript>' if running else ""
    title = f"<h1>{_e(look.title)}</h1>" if look.title else ""
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>{again}
<link rel="stylesheet" href="/acceptance.css"><script src="/acceptance.js" defer></script></head>
<body data-gone="{_e(word(language, "accept.gone"))}">
<header><div><p>{heading}</p>{title}</div>
<a href="{switch}" lang="{other}">{_e(word(language, "accept.other"))}</a></header>
<main>{problem}{body}</main></body></html>
"""


def _e(text: str) -> str:
    return escape(text)
