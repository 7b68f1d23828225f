"""The words of notices: templates of ours, or of the clinic's own folder. In HTML everything that is put in is
escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from tp_gateway.errors import ConfigurationError
from tp_gateway.services.notices.reading import KINDS, Notice

_NAMES = tuple(f"{kind}.{form}" for kind in KINDS.values() for form in ("subject.txt", "txt", "html", "text.txt"))

_OURS = jinja2.PackageLoader("tp_gateway.services.notices")


def _compiled(*loaders: jinja2.BaseLoader) -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=jinja2.select_autoescape(["html"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in _NAMES:
        templates.get_template(name)
    return templates


@cache
def _ours() -> jinja2.Environment:
    return _compiled(_OURS)


class Wording:
    """`folder`: templates there win over ours of the same name. ConfigurationError for one that is no template."""

    def __init__(self, folder: str | None = None) -> None:
        if folder is not None and not Path(folder).is_dir():
            raise ConfigurationError("tp_gateway.notifications.templates is not a folder")
        try:
            self._templates = _ours() if folder is None else _compiled(jinja2.FileSystemLoader(folder), _OURS)
        except jinja2.TemplateSyntaxError as error:
            where = f"{error.name}, line {error.lineno}: {error.message}"
            raise ConfigurationError(f"tp_gateway.notifications.templates: {where}") from None

    def subject(self, notice: Notice) -> str:
        return " ".join(self._render("subject.txt", notice).split())

    def plain(self, notice: Notice) -> str:
        return self._render("txt", notice).strip() + "\n"

    def html(self, notice: Notice) -> str:
        return self._render("html", notice)

    def short(self, notice: Notice) -> str:
        """For an SMS."""
        return " ".join(self._render("text.txt", notice).split())

    def _render(self, form: str, notice: Notice) -> str:
        return self._templates.get_template(f"{notice.kind}.{form}").render(values(notice))


def values(notice: Notice) -> dict[str, Any]:
    """What a template may use."""
    clinic = notice.settings.clinic
    return {
        "name": notice.name,
        "clinic": clinic.name or "your clinic",
        "address": clinic.address,
        "phone": clinic.phone,
        "email": clinic.email,
        "website": clinic.website,
        "abn": clinic.abn,
        "amount": f"${notice.amount}" if notice.currency == "AUD" else f"{notice.amount} {notice.currency}",
        "date": f"{notice.on.day} {notice.on:%B %Y}",
        "number": notice.number,
        "payment": notice.payment_id or "",
        "method": notice.method,
    }
