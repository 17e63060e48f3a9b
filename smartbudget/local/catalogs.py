"""Bring the catalogs in `locale/` up to date with the code: `make messages`.

Extracts every message from Python, Django's templates and the mails', keeps what is
translated, and compiles. A message that is no longer used goes. What is left to
translate is printed, and a test fails until it is done.
"""

import datetime
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from smartbudget.core.i18n import CATALOGS, DOMAIN
from smartbudget.local.settings import ROOT

FOLDERS = (
    "accounts",
    "budgets",
    "expenses",
    "lambdas",
    "notifications",
    "profiles",
    "reports",
    "smartbudget/core",
    "smartbudget/web",
    "staff",
    "templates",
)
MAILS = ROOT / "templates" / "email"  # Jinja2's
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
TRANSLATED = ("de",)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Babel's own would hold the moment and its version, and differ each time.
HEADER = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {catalog.plural_forms}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def path_of(code: str) -> Path:
    """Return the catalog of a language, as people translate it."""
    return CATALOGS / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def extracted() -> Catalog:
    """Return every message that the code has, each with the files that it is in."""
    found = Catalog()
    for path in _files():
        for _, message, comments, context in _messages(path):
            # No line numbers: they would change with every edit.
            where = [(path.relative_to(ROOT).as_posix(), 0)]
            found.add(message, locations=where, auto_comments=comments, context=context)
    return found


def read(code: str) -> Catalog:
    """Return the catalog of a language as it is stored."""
    path = path_of(code)
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def updated(code: str) -> Catalog:
    """Return the catalog of a language as it should be: all messages, and no others."""
    catalog = read(code)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> bytes:
    """Write a catalog for people."""
    out = io.BytesIO()
    write_po(out, catalog, omit_header=True, sort_output=True, include_lineno=False)
    header = HEADER.format(code=catalog.locale, catalog=catalog)
    return header.encode() + out.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Write a catalog for gettext; the same one is always the same bytes."""
    fixed = read_po(io.BytesIO(written(catalog)), locale=catalog.locale)
    fixed.creation_date = fixed.revision_date = EPOCH  # Babel's are now
    out = io.BytesIO()
    write_mo(out, fixed)
    return out.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Return what has no translation yet."""
    return [
        str(message.id)
        for message in catalog
        if message.id
        and not all(
            message.string if isinstance(message.string, tuple) else (message.string,)
        )
    ]


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".html", ".txt"}:
                yield path


def _messages(path: Path) -> Iterable[Any]:
    source, method = path.read_text(), "python"
    if MAILS in path.parents:
        method = "jinja2.ext:babel_extract"
    elif path.suffix != ".py":
        # What is no message becomes X's; their indentation is none of Python's.
        lines = templatize(source).splitlines()
        source = "\n".join(line.strip() for line in lines)
    return extract(
        method, io.BytesIO(source.encode()), KEYWORDS, comment_tags=["Translators:"]
    )


def main() -> None:
    """Update and compile every catalog; say what is left to translate."""
    for code in TRANSLATED:
        path, catalog = path_of(code), updated(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        left = untranslated(catalog)
        print(f"{code}: {len(catalog)} messages, {len(left)} to translate")
        for message in left:
            print(f"  {message!r}")


if __name__ == "__main__":
    main()
