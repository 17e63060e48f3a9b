"""Update the catalogs in `locale/` from the code: `make messages`.

Extracts every message from Python and from the templates of pages and mails, keeps the
translations, and compiles. Unused messages are removed. Untranslated ones are printed,
and a test fails until they are translated.
"""

import datetime
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

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
)
TEMPLATES = ROOT / "templates"
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_noop": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
TRANSLATED = ("de",)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Babel's header contains the time and its version, so it would always differ.
HEADER = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {catalog.plural_forms}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def path_of(code: str) -> Path:
    """Return the path of a language's catalog."""
    return CATALOGS / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def extracted() -> Catalog:
    """Return every message in the code, with the files that contain it."""
    catalog = Catalog()
    for path in _files():
        for _, message, comments, context in _messages(path):
            # Without line numbers, which would change with every edit.
            locations = [(path.relative_to(ROOT).as_posix(), 0)]
            catalog.add(
                message, locations=locations, auto_comments=comments, context=context
            )
    return catalog


def read(code: str) -> Catalog:
    """Return the stored catalog of a language, or an empty one."""
    path = path_of(code)
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def updated(code: str) -> Catalog:
    """Return the catalog of a language with all messages of the code and no others."""
    catalog = read(code)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> bytes:
    """Return a catalog as the bytes of a .po file."""
    out = io.BytesIO()
    write_po(out, catalog, omit_header=True, sort_output=True, include_lineno=False)
    header = HEADER.format(code=catalog.locale, catalog=catalog)
    return header.encode() + out.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Return a catalog as the bytes of a .mo file; reproducible."""
    fixed = read_po(io.BytesIO(written(catalog)), locale=catalog.locale)
    fixed.creation_date = fixed.revision_date = EPOCH  # by default the current time
    out = io.BytesIO()
    write_mo(out, fixed)
    return out.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Return the ids of messages without a translation."""
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
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from sorted(path for path in TEMPLATES.rglob("*") if path.is_file())


def _messages(path: Path) -> Iterator[Any]:
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    # By default, Jinja2 skips templates with errors.
    options = {"silent": "false"}
    with path.open("rb") as file:
        yield from extract(method, file, KEYWORDS, ["Translators:"], options)


def main() -> None:
    """Update and compile every catalog, and print the untranslated messages."""
    for code in TRANSLATED:
        path, catalog = path_of(code), updated(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        missing = untranslated(catalog)
        print(f"{code}: {len(catalog)} messages, {len(missing)} to translate")
        for message in missing:
            print(f"  {message!r}")


if __name__ == "__main__":
    main()
