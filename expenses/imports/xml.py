"""Parse XML from strangers: without entities, of bounded size and depth."""

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from expenses.imports import limits
from expenses.imports.messages import FileError

MAX_ELEMENTS = 300_000  # 5 MB of a real statement have 150,000


class _Builder(TreeBuilder):
    """Builds a bounded tree, with names that have no namespace."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > limits.MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise FileError("deep_xml")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def parse_xml(text: str) -> Element:
    """Return the root of a document.

    Raises FileError naming the line of an error.
    """
    parser: Any = DefusedXMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(text)
        root: Element = parser.close()
    except ParseError as error:
        raise FileError("damaged", line=error.position[0]) from error
    except DefusedXmlException as error:
        raise FileError("xml_entities") from error
    return root
