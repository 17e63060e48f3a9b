"""Files that are damaged, or made to harm: refused, or read in bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.imports import limits
from smartbudget.core.errors import InvalidError
from tests.expenses.imports.formats.statements import (
    balance,
    camt_file,
    camt_statement,
    entry,
    mt940_file,
    ofx_file,
    payment,
    payments,
    read,
)

XML_HEAD = '<?xml version="1.0"?>'
LAUGHS = XML_HEAD + (
    '<!DOCTYPE Document [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><Document><BkToCstmrStmt><Stmt><Id>&i;</Id></Stmt></BkToCstmrStmt></Document>"
)
QUADRATIC = XML_HEAD + (
    f'<!DOCTYPE Document [<!ENTITY a "{"x" * 50_000}">]>'
    f"<Document><BkToCstmrStmt>{'&a;' * 50_000}</BkToCstmrStmt></Document>"
)
EXTERNAL = XML_HEAD + (
    '<!DOCTYPE Document [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<Document><BkToCstmrStmt>&a;</BkToCstmrStmt></Document>"
)
OUTSIDE = XML_HEAD + (
    '<!DOCTYPE Document SYSTEM "http://127.0.0.1/x.dtd">'
    "<Document><BkToCstmrStmt></BkToCstmrStmt></Document>"
)
PARAMETER = XML_HEAD + (
    "<!DOCTYPE Document [<!ENTITY % a \"<!ENTITY b 'c'>\"> %a;]>"
    "<Document><BkToCstmrStmt>&b;</BkToCstmrStmt></Document>"
)


@pytest.mark.parametrize(
    "file",
    [LAUGHS, QUADRATIC, EXTERNAL, OUTSIDE, PARAMETER],
    ids=["laughs", "quadratic", "external", "outside", "parameter"],
)
def test_entities_are_refused(file):
    with pytest.raises(InvalidError, match="XML entities"):
        read(file)


def test_undeclared_entities_are_refused():
    with pytest.raises(InvalidError, match="damaged or incomplete at line 3"):
        read(camt_file("&lol;"))


def test_nested_elements_are_read_up_to_a_depth():
    def nested(depth: int) -> str:
        more = "<a>" * depth + "</a>" * depth
        return camt_file(camt_statement(entry(more=more)))

    most = limits.MAX_DEPTH - 4  # Document, BkToCstmrStmt, Stmt and Ntry
    assert len(read(nested(most)).rows) == 1
    with pytest.raises(InvalidError, match="deeply nested"):
        read(nested(most + 1))
    with pytest.raises(InvalidError, match="deeply nested"):
        read(nested(300_000))


def test_elements_are_read_up_to_a_number():
    with pytest.raises(InvalidError, match="too large"):
        read(camt_file("<a/>" * 300_000))


SIZE = 1_000_000  # bytes
LONG = "x" * SIZE
OPEN = "<![CDATA[" * (SIZE // 9)


@pytest.mark.parametrize(
    "file",
    [
        ofx_file(payment(name=LONG)),
        ofx_file(payment(name=OPEN)),
        ofx_file(payment(LONG)),
        ofx_file(payment(day=LONG)),
        ofx_file("<" * SIZE),
        ofx_file("<A " * (SIZE // 3)),
        ofx_file("<A>" * (SIZE // 3)),
        ofx_file("&#" * (SIZE // 2)),
        f"!Type:Bank\nD11/23/26\nP{LONG}\nT-1\n^\n",
        f"!Type:Bank\nD{'1' * SIZE}\nT{'1' * SIZE}\n^\n",
        "!Type:Bank\nD11/23/26\nT-1\n" + "S\n" * (SIZE // 2) + "^\n",
        "!Type:Bank\n" + "!Account\n" * (SIZE // 9),
        mt940_file(f":61:2611051103D4,50NMSC{LONG}"),
        mt940_file(":61:2611051103D4,50NMSC", f":86:{LONG}"),
        mt940_file(":61:2611051103D4,50NMSC", ":86:" + "?20" * (SIZE // 3)),
        mt940_file(":61:2611051103D4,50NMSC", "/NAME" * (SIZE // 5)),
        mt940_file(":86:\n" * (SIZE // 5)),
        camt_file(camt_statement(entry(LONG))),
        camt_file(camt_statement(entry(day=LONG))),
        camt_file(camt_statement(entry(more=payments(*[""] * 10_000)))),
        camt_file(f"<a {LONG}='1'/>"),
        camt_file("<a " + " ".join(f"a{n}='1'" for n in range(200_000)) + "/>"),
    ],
    ids=range(22),
)
def test_large_values_are_read_or_refused(file):
    assert_read_or_refused(file)


def assert_read_or_refused(content):
    """Check that no other error is raised, and that every row has a place."""
    try:
        statement = read(content)
    except InvalidError as refusal:
        reason = str(refusal)
    else:
        assert all(str(row.place) for row in statement.rows)
        return
    assert 0 < len(reason) < 500


FILES = [
    ofx_file(payment(), payment("-1.234,56"), payment() + "<MEMO>A &amp; B<FOO/>"),
    "!Account\nNA\n^\n!Type:Bank\nD11/23/26\nT-4.50\nPX\nSFood\n$-4\nSFun\n$-.5\n^\n",
    mt940_file(
        ":61:2611051103RD4,50NMSCNONREF//REF1\nmore",
        ":86:106?00K?20EREF+99?21SVWZ+D?32REWE?33 G",
        ":61:261105C4,50NTRF",
        ":86:/NAME/A/REMI/B",
    ),
    camt_file(
        camt_statement(
            entry(more="<RvslInd>true</RvslInd>"),
            entry(more=payments('<Amt Ccy="EUR">1</Amt>', '<Amt Ccy="EUR">3.5</Amt>')),
            balances=balance("OPBD", "1.00") + balance("CLBD", "2.00"),
        )
    ),
]
PIECES = st.sampled_from(
    [
        *"\0<>&\n\r:^!-,$?é\u0661\u2028\ufffe",
        *("]]>", "<![CDATA[", "EUR", "Ccy=", "NaN", "1e9", "<STMTTRN>", "</OFX>"),
        *("<Ntry>", "</Stmt>", ":61:", ":86:", "9" * 20),
    ]
)


@st.composite
def damaged(draw):
    """Return a valid file in which some pieces are cut out, doubled or put in."""
    text = draw(st.sampled_from(FILES))
    for _change in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        again = text[start:end] if draw(st.booleans()) else ""
        text = text[:start] + draw(PIECES) + again * 2 + text[end:]
    content = text.encode()
    return content[: draw(st.integers(0, len(content)))] or content


@given(damaged())
def test_damaged_files_are_read_or_refused(content):
    assert_read_or_refused(content)


@given(st.sampled_from(FILES), st.data())
def test_damaged_bytes_are_read_or_refused(text, data):
    content = bytearray(text.encode())
    for _change in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    assert_read_or_refused(bytes(content))
