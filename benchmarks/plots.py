"""Draw the pictures of docs/performance.md from its tables.

`python -m benchmarks.plots` after a table changes; tests/docs/test_performance.py fails
until then. The pictures follow the reader's color scheme.
"""

import math
import re
import sys
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
FOLDER = PAGE.with_suffix("")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")

WIDTH, LEFT, ROW = 720, 250, 22
STYLE = """<style>
text { font: 13px sans-serif; fill: #333 }
.value { font-size: 12px }
.a { fill: #b0b7bd; stroke: #b0b7bd } .b { fill: #2a7ab0; stroke: #2a7ab0 }
.c { fill: #c2571a; stroke: #c2571a } .d { fill: #4b8b3b; stroke: #4b8b3b }
.line { fill: none; stroke-width: 2 } .axis { stroke: #999; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .a { fill: #6b737a; stroke: #6b737a }
  .b { fill: #5fb0e6; stroke: #5fb0e6 } .c { fill: #f0905a; stroke: #f0905a }
  .d { fill: #8ccf78; stroke: #8ccf78 }
}
</style>"""

Rows = dict[str, list[float]]  # the numbers of a row, by its first cell


def main() -> int:
    """Write all pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures(PAGE.read_text()).items():
        (FOLDER / name).write_text(picture)
    return 0


def pictures(page: str) -> dict[str, str]:
    """Return {file name: SVG} of the pictures of a page."""
    first_visit = {n: row[1:] for n, row in table(page, "first visit", 2).items()}
    return {
        "growth.svg": curves(
            "Read units by expenses of history, both axes logarithmic",
            _numbers(_cells(page, "read")[0][1:4]),
            table(page, "read", 3),
        ),
        "pages.svg": bars(
            "Processor time of a page in ms: before (gray) and now",
            table(page, "page", 2),
            ("a", "b"),
        ),
        "peers.svg": bars("First visit, kB", first_visit, ("b",)),
    }


def table(page: str, title: str, columns: int) -> Rows:
    """Return the first numbers of each row of the table with a title.

    The title is that of its first column. Of a range such as "40 to 48" it takes the
    upper end. Rows with a cell without a number are left out.
    """
    rows = {cells[0]: cells[1 : columns + 1] for cells in _cells(page, title)[2:]}
    return {
        name: _numbers(cells)
        for name, cells in rows.items()
        if all(map(NUMBER.search, cells))
    }


def _numbers(cells: list[str]) -> list[float]:
    return [float(NUMBER.findall(cell)[-1].replace(",", "")) for cell in cells]


def _cells(page: str, title: str) -> list[list[str]]:
    lines = page.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"| {title} |"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def bars(title: str, rows: Rows, classes: Sequence[str]) -> str:
    """Return a chart with a bar for each number, in groups by row."""
    scale = (WIDTH - LEFT - 70) / max(max(row) for row in rows.values())
    parts, y = [], 44
    for name, row in rows.items():
        parts.append(_text(LEFT - 8, y + ROW * len(classes) / 2 - 2, name, "end"))
        for number, kind in zip(row, classes, strict=False):
            width = max(1, number * scale)
            parts.append(
                f'<rect class="{kind}" x="{LEFT}" y="{y - 4}" width="{width:.1f}"'
                f' height="{ROW - 8}"/>'
            )
            parts.append(_text(LEFT + width + 6, y + 7, f"{number:,g}", kind="value"))
            y += ROW - 6
        y += 10
    return _svg(title, y, parts)


def curves(title: str, columns: Sequence[float], rows: Rows) -> str:
    """Return a chart with a line for each row; both axes are logarithmic."""
    height, bottom, right = 330, 290, WIDTH - 240
    most = max(max(row) for row in rows.values())

    def x(value: float) -> float:
        part = math.log(value / columns[0]) / math.log(columns[-1] / columns[0])
        return 50 + part * (right - 50)

    def y(value: float) -> float:
        return bottom - (bottom - 50) * math.log(value) / math.log(most)

    parts = [f'<path class="axis line" d="M50 50V{bottom}H{right}"/>']
    parts += [_text(x(n), bottom + 18, f"{n:,g}", "middle") for n in columns]
    powers = [10.0**n for n in range(math.floor(math.log10(most)) + 1)]
    parts += [_text(44, y(n) + 4, f"{n:,g}", "end", "value") for n in powers]
    free = 40.0  # labels do not overlap
    for kind, (name, row) in zip(
        "cbda" * 2, sorted(rows.items(), key=lambda item: -item[1][-1]), strict=False
    ):
        points = " ".join(
            f"{x(column):.1f},{y(number):.1f}"
            for column, number in zip(columns, row, strict=True)
        )
        parts.append(f'<polyline class="{kind} line" points="{points}"/>')
        free = max(free + 16, y(row[-1]) + 4)
        parts.append(_text(right + 8, free, f"{name}, {row[-1]:,g}"))
    return _svg(title, height, parts)


def _text(
    x: float, y: float, words: str, anchor: str = "start", kind: str = "label"
) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _svg(title: str, height: float, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
            f' width="{WIDTH}" height="{height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            STYLE,
            _text(10, 20, title),
            *parts,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
