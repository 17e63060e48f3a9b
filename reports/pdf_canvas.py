"""The parts of a report: headings, figures, charts and tables, for platypus.

Text is drawn without ReportLab's paragraph markup, which has run code in user text
(docs/aws.md#markup).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from reports import fonts

# Distinguishable when printed in gray.
INK = HexColor(0x1D2430)
QUIET = HexColor(0x566173)
LINE = HexColor(0xC9CFD8)
TRACK = HexColor(0xE6E9EE)
ACCENT = HexColor(0x0B5F55)
PALE = HexColor(0x9CC7C0)
BAD = HexColor(0x8E1B15)

SIZE = 9.0  # points, of tables and text
LEADING = 12.5


def write(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    *,
    size: float = SIZE,
    bold: bool = False,
    color: Any = INK,
    right: bool = False,
) -> None:
    """Draw one line of text. right: it ends at x."""
    lines = Lines(canvas, size, color)
    lines.add(x, y, text, bold=bold, right=right)
    lines.draw()


class Lines:
    """Lines of text in one size and color, drawn as one object.

    `Canvas.drawString` takes twice as long: it sets the font for each string.
    """

    def __init__(self, canvas: Canvas, size: float, color: Any) -> None:
        self._canvas, self._size, self._font = canvas, size, ""
        self._object = canvas.beginText()
        self._object.setFillColor(color)

    def add(
        self, x: float, y: float, text: str, *, bold: bool = False, right: bool = False
    ) -> None:
        """Add one line. right: it ends at x."""
        if right:
            x -= fonts.width(text, self._size, bold=bold)
        self._object.setTextOrigin(x, y)
        runs = fonts.lay(text, bold=bold)
        for number, run in enumerate(runs, 1):
            self._set_font(run.font)
            if number < len(runs):
                self._object.textOut(run.text)
            else:
                self._object.textLine(run.text)  # does not measure it, as textOut does

    def draw(self) -> None:
        """Draw the lines added so far."""
        self._canvas.drawText(self._object)

    def _set_font(self, name: str) -> None:
        if name != self._font:
            self._font = name
            self._object.setFont(name, self._size)


class Block(Flowable):
    """A part of fixed height, as wide as the page."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.height = height

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Use the whole width."""
        self.width = width
        return width, self.height


class Heading(Block):
    """A section's title, also listed in the document's outline."""

    def __init__(self, text: str, note: str = "") -> None:
        super().__init__(30)
        self.spaceBefore = 14
        self.text, self.note = text, note

    def draw(self) -> None:
        """Draw the title, with its note to the right."""
        write(self.canv, 0, 8, self.text, size=13, bold=True)
        if self.note:
            write(self.canv, self.width, 8, self.note, size=8, color=QUIET, right=True)
        key = f"section-{self.text}"
        self.canv.bookmarkHorizontal(key, 0, 26)
        self.canv.addOutlineEntry(self.text, key, 0, closed=False)


class Text(Flowable):
    """A paragraph, with a bullet if it belongs to a list."""

    def __init__(
        self, text: str, *, size: float = SIZE, color: Any = INK, mark: str = ""
    ) -> None:
        super().__init__()
        self.text, self.size, self.color, self.mark = text, size, color, mark
        self.indent = 12.0 if mark else 0.0
        self.leading = size * 1.4

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Break the text into lines."""
        self.lines = fonts.wrap(self.text, width - self.indent, self.size)
        return width, len(self.lines) * self.leading + 3

    def draw(self) -> None:
        """Draw the lines from the top."""
        y = len(self.lines) * self.leading + 3 - self.size
        if self.mark:
            write(self.canv, 0, y, self.mark, size=self.size, color=ACCENT)
        for line in self.lines:
            write(self.canv, self.indent, y, line, size=self.size, color=self.color)
            y -= self.leading


class Links(Block):
    """Links in a row."""

    def __init__(self, links: Sequence[tuple[str, str]]) -> None:
        super().__init__(24)
        self.links = links

    def draw(self) -> None:
        """Draw the links underlined, so that they are recognized without color."""
        canvas, x = self.canv, 0.0
        for words, address in self.links:
            width = fonts.width(words, 8)
            write(canvas, x, 14, words, size=8, color=ACCENT)
            canvas.setStrokeColor(ACCENT)
            canvas.setLineWidth(0.5)
            canvas.line(x, 12, x + width, 12)
            canvas.linkURL(address, (x, 10, x + width, 23), relative=1)
            x += width + 16


class Title(Flowable):
    """The cover's heading: the period, the type of report, and the total."""

    def __init__(self, title: str, lines: Sequence[str], total: str, note: str) -> None:
        super().__init__()
        self.title, self.lines, self.total, self.note = title, lines, total, note

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Place the note beside the total if it fits, else below."""
        self.width = width
        self.total_size = _largest(self.total, 24, width)
        taken = fonts.width(self.total, self.total_size, bold=True) + 14
        self.beside = taken + fonts.width(self.note, 10) <= width
        self.notes = [] if self.beside else fonts.wrap(self.note, width, 10)
        self.height = 84 + 12.5 * len(self.lines) + 14 * len(self.notes)
        return width, self.height

    def draw(self) -> None:
        """Draw the title, the lines, the total and the note."""
        y = self.height - 28
        size = _largest(self.title, 26, self.width)
        write(self.canv, 0, y, self.title, size=size, bold=True)
        y -= 18
        for line in self.lines:
            (fitting,) = fonts.wrap(line, self.width, SIZE, max_lines=1)
            write(self.canv, 0, y, fitting, color=QUIET)
            y -= 12.5
        y -= 20
        size, total = self.total_size, self.total
        write(self.canv, 0, y, total, size=size, bold=True, color=ACCENT)
        if self.beside:
            x = fonts.width(total, size, bold=True) + 14
            write(self.canv, x, y, self.note, size=10)
        for line in self.notes:
            y -= 16
            write(self.canv, 0, y, line, size=10)


def _largest(text: str, size: float, room: float) -> float:
    """Return the largest font size, at most `size`, at which a line fits."""
    return min(size, size * room / max(fonts.width(text, size, bold=True), 1))


class Figures(Block):
    """A row of key figures, each above its label."""

    def __init__(self, figures: Sequence[tuple[str, str]]) -> None:
        super().__init__(68)
        self.figures = figures

    def draw(self) -> None:
        """Draw the figures between two rules."""
        canvas = self.canv
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.75)
        canvas.line(0, 62, self.width, 62)
        canvas.line(0, 6, self.width, 6)
        room = self.width / len(self.figures)
        for number, (value, name) in enumerate(self.figures):
            x = room * number
            size = 14.0
            while size > 7 and fonts.width(value, size, bold=True) > room - 8:
                size -= 0.5
            write(canvas, x, 40, value, size=size, bold=True)
            for line, words in enumerate(fonts.wrap(name, room - 8, 8, max_lines=2)):
                write(canvas, x, 27 - 10 * line, words, size=8, color=QUIET)


@dataclass(frozen=True)
class Bar:
    """A bar of a chart; `part` and `mark` are shares of the largest value, 0-1."""

    name: str
    part: float
    value: str
    note: str = ""
    mark: float | None = None  # position of the limit
    is_over: bool = False


class Bars(Block):
    """Horizontal bars, each between its name and its value."""

    ROW = 19.0

    def __init__(self, bars: Sequence[Bar]) -> None:
        super().__init__(len(bars) * self.ROW + 6)
        self.bars = bars

    def draw(self) -> None:
        """Draw the bars from the top."""
        values = max(fonts.width(bar.value, SIZE) for bar in self.bars) + 8
        notes = max(fonts.width(bar.note, 8) for bar in self.bars)
        names = min(
            max(fonts.width(bar.name, SIZE) for bar in self.bars) + 10,
            self.width * 0.28,
        )
        notes += 10 if notes else 0
        room = max(self.width - names - values - notes, 40)
        y = self.height - self.ROW
        for bar in self.bars:
            (name,) = fonts.wrap(bar.name, names - 8, SIZE, max_lines=1)
            write(self.canv, 0, y + 4, name)
            self._bar(bar, names, y, room)
            x = self.width - notes
            write(self.canv, x, y + 4, bar.value, right=True)
            write(
                self.canv,
                self.width,
                y + 4,
                bar.note,
                size=8,
                right=True,
                color=BAD if bar.is_over else QUIET,
                bold=bar.is_over,
            )
            y -= self.ROW

    def _bar(self, bar: Bar, x: float, y: float, room: float) -> None:
        canvas = self.canv
        canvas.setFillColor(TRACK)
        canvas.rect(x, y + 3, room, 9, stroke=0, fill=1)
        canvas.setFillColor(BAD if bar.is_over else ACCENT)
        if bar.part > 0:
            canvas.rect(x, y + 3, max(room * bar.part, 0.75), 9, stroke=0, fill=1)
        if bar.mark is not None:
            canvas.setStrokeColor(INK)
            canvas.setLineWidth(1.25)
            canvas.line(x + room * bar.mark, y + 0.5, x + room * bar.mark, y + 14.5)


class Columns(Block):
    """Vertical bars over time, with a scale; the last ones may be highlighted."""

    def __init__(
        self,
        columns: Sequence[tuple[str, float, bool]],  # name, height 0-1, highlighted
        scale: Sequence[tuple[str, float]],  # label, height 0-1
    ) -> None:
        super().__init__(150)
        self.columns, self.scale = columns, scale

    def draw(self) -> None:
        """Draw the scale, and the columns in front of it."""
        canvas, bottom, top = self.canv, 22.0, 112.0
        left = max(fonts.width(label, 7.5) for label, _ in self.scale) + 8
        canvas.setLineWidth(0.5)
        for label, part in self.scale:
            y = bottom + top * part
            canvas.setStrokeColor(LINE)
            canvas.line(left, y, self.width, y)
            write(canvas, left - 6, y - 2.5, label, size=7.5, color=QUIET, right=True)
        room = (self.width - left) / len(self.columns)
        for number, (name, part, highlighted) in enumerate(self.columns):
            x = left + room * number
            canvas.setFillColor(ACCENT if highlighted else PALE)
            if part > 0:
                height = max(top * part, 0.75)
                canvas.rect(x + room * 0.18, bottom, room * 0.64, height, 0, 1)
            center = x + room / 2 + fonts.width(name, 7.5, bold=highlighted) / 2
            write(
                canvas,
                center,
                9,
                name,
                size=7.5,
                bold=highlighted,
                right=True,
                color=INK if highlighted else QUIET,
            )


@dataclass(frozen=True)
class Column:
    """A table's column; `part` of the width, 0-1."""

    title: str
    part: float
    is_number: bool = False  # aligned right
    max_lines: int = 1


@dataclass(frozen=True)
class Row:
    """A table's line."""

    cells: Sequence[str]
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class _LaidOutRow:
    """A row whose cells are broken into lines."""

    cells: list[list[str]]
    height: float
    is_bold: bool


class Rows(Flowable):
    """A table that continues over pages and repeats its headings on each.

    Rows are laid out when their page is reached and dropped with it, so the memory
    does not grow with the table. Platypus' own table takes all rows at once, and
    measures and styles each cell.
    """

    HEAD = 18.0
    PAD = 5.0
    GAP = 8.0  # between columns

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Iterable[Row],
        laid_out: Sequence[_LaidOutRow] = (),
    ) -> None:
        """laid_out: rows that come before `rows`."""
        super().__init__()
        self.columns = columns
        self._rows = iter(rows)
        self._laid_out = list(laid_out)

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Lay out the rows that fit, unless they are laid out already."""
        self.width = width
        taken, self.fitting = self.HEAD, 0
        while self._has(self.fitting):
            taken += self._laid_out[self.fitting].height
            if taken > height:
                return width, taken
            self.fitting += 1
        return width, taken

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return the rows that fit and the rest, or nothing if fewer than three fit."""
        self.wrap(width, height)
        if self.fitting < 3:
            return []
        # Avoid a single row on the last page.
        if self.fitting > 3 and not self._has(self.fitting + 1):
            self.fitting -= 1
        return [
            Rows(self.columns, (), self._laid_out[: self.fitting]),
            Rows(self.columns, self._rows, self._laid_out[self.fitting :]),
        ]

    def draw(self) -> None:
        """Draw the headings and every row."""
        y = sum(row.height for row in self._laid_out)
        head = Lines(self.canv, 8, QUIET)
        for column, x, room in self._places():
            edge = x + room if column.is_number else x
            head.add(edge, y + 6, column.title, bold=True, right=column.is_number)
        head.draw()
        self._rules([y], INK, 0.75)
        body, rules = Lines(self.canv, SIZE, INK), []
        for row in self._laid_out:
            self._add(body, row, y - self.PAD - SIZE + 1)
            y -= row.height
            rules.append(y)
        body.draw()
        self._rules(rules, LINE, 0.4)

    def _add(self, body: Lines, row: _LaidOutRow, top: float) -> None:
        for (column, x, room), lines in zip(self._places(), row.cells, strict=True):
            edge = x + room if column.is_number else x
            for number, line in enumerate(lines):
                if line:
                    y = top - number * LEADING
                    body.add(edge, y, line, bold=row.is_bold, right=column.is_number)

    def _rules(self, heights: Iterable[float], color: Any, width: float) -> None:
        self.canv.setStrokeColor(color)
        self.canv.setLineWidth(width)
        self.canv.lines([(0, y, self.width, y) for y in heights])

    def _has(self, place: int) -> bool:
        """Lay out rows up to a place; return whether there is a row at it."""
        while place >= len(self._laid_out):
            row = next(self._rows, None)
            if row is None:
                return False
            self._laid_out.append(self._lay_out(row))
        return True

    def _lay_out(self, row: Row) -> _LaidOutRow:
        cells = [
            [cell]
            if column.is_number
            else fonts.wrap(
                cell, room, SIZE, bold=row.is_bold, max_lines=column.max_lines
            )
            for cell, (column, _, room) in zip(row.cells, self._places(), strict=True)
        ]
        height = max(map(len, cells)) * LEADING + self.PAD
        return _LaidOutRow(cells, height, row.is_bold)

    def _places(self) -> list[tuple[Column, float, float]]:
        """Return each column with its position and width."""
        if not hasattr(self, "_placed"):
            room = self.width - self.GAP * (len(self.columns) - 1)
            self._placed, x = [], 0.0
            for column in self.columns:
                self._placed.append((column, x, room * column.part))
                x += room * column.part + self.GAP
        return self._placed
