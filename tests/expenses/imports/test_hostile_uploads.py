"""Files made to harm, over HTTP: a sentence, within bounded time and memory."""

import json
import time
import tracemalloc

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.expenses.imports.builders import HEADER
from tests.expenses.imports.formats.statements import camt_file, ofx_file
from tests.expenses.imports.formats.test_hostile import EXTERNAL, LAUGHS, QUADRATIC
from tests.expenses.imports.test_reading import zip_of
from tests.notifications.builders import run_queued_tasks

pytestmark = pytest.mark.usefixtures("aws", "clock")

MB = 1024 * 1024
ROW = "2026-03-02,CAFE XY,-4.50\n"
TABLE = f"{HEADER}\n{ROW}"
MAX_SECONDS = 5  # of processor time, while memory is traced
MAX_MB = 100  # more than the file itself


def overlapping_zip() -> bytes:
    """Return a zip whose many entries are the same compressed megabytes."""
    content = zip_of({"a.csv": b"0" * (40 * MB)})
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = content[start:end]
    directory = b"".join(
        entry.replace(b"a.csv", b"%05d" % number) for number in range(1000)
    )
    tail = bytearray(content[end:])
    tail[8:12] = (1000).to_bytes(2, "little") * 2
    tail[12:16] = len(directory).to_bytes(4, "little")
    return content[:start] + directory + bytes(tail)


def lying_zip() -> bytes:
    """Return a zip that declares a small size, and unpacks to 1,000 times as much."""
    content = bytearray(zip_of({"a.csv": b"0" * (40 * MB)}))
    for header, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(header) + place
        content[start : start + 4] = (100).to_bytes(4, "little")
    return bytes(content)


def accounts(count: int) -> str:
    """Return a QIF file with an account for each row."""
    return "".join(
        f"!Account\nN{number}\n^\n!Type:Bank\nD2026-03-02\nT-1.00\nPCAFE\n^\n"
        for number in range(count)
    )


REFUSED = {
    "10,000 accounts": lambda: accounts(10_000),
    "billion laughs": lambda: LAUGHS,
    "quadratic entities": lambda: QUADRATIC,
    "external entity": lambda: EXTERNAL,
    "10 MB in a cell": lambda: TABLE.replace("CAFE XY", "x" * (10 * MB)),
    "4 MB in a cell": lambda: TABLE.replace("CAFE XY", "x" * (4 * MB)),
    "4 MB in an XML text": lambda: camt_file("<a>" + "x" * (4 * MB)),
    "a million columns": lambda: TABLE + "," * 1_000_000,
    "a million empty lines": lambda: "\n" * 1_000_000,
    "a million rows": lambda: HEADER + "\n" + ROW[:10] + "\n" * 1_000_000,
    "NULs": lambda: b"\0" * MB,
    "NULs among rows": lambda: TABLE.replace("CAFE", "CA\0FE") + "\0\0\0x" * 100_000,
    "lone quotes": lambda: '"\n' * 500_000,
    "an open quote": lambda: TABLE + '2026-03-02,"CAFE' + "x,\n" * 300_000,
    "UTF-16 cut in half": lambda: TABLE.encode("utf-16")[:-1],
    "UTF-16 with half a pair": lambda: TABLE.encode("utf-16") + b"\x3d\xd8",
    "nested XML": lambda: camt_file("<a>" * 400_000),
    "nested JSON": lambda: '[{"a":' * 400_000,
    "a zip of 40 MB": lambda: zip_of({"a.csv": b"0" * (40 * MB)}),
    "a zip in a zip": lambda: zip_of({"a.zip": zip_of({"a.csv": TABLE})}),
    "a zip with overlapping files": overlapping_zip,
    "a zip that lies about its size": lying_zip,
    "a zip of 20,000 files": lambda: zip_of(dict.fromkeys(map(str, range(20_000)), "")),
    "a zip without end": lambda: zip_of({"a.csv": TABLE})[:-10],
}


# Files whose only row cannot be read.
LISTED = {
    "4 MB in an OFX value": lambda: ofx_file("<NAME>" + "x" * (4 * MB)),
    "nested OFX": lambda: ofx_file("<A>" * 200_000),
    "a long number in JSON": lambda: '[{"amount": ' + "9" * (4 * MB) + "}]",
}


def post(client, content):
    """Upload a file, and check that this takes little time and memory.

    Returns the import or the problem; a large file is read by a task.
    """
    content = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("bank", content)
    tracemalloc.start()
    start = time.process_time()
    answer = client.post("/api/imports", {"file": file})
    run_queued_tasks()
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < MAX_SECONDS
    assert peak < len(content) + MAX_MB * MB
    if answer.status_code == 201:
        return client.get(answer["Location"]).json()
    assert 400 <= answer.status_code < 500, answer.content[:500]
    return answer.json()


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_with_a_sentence(client, name):
    answer = post(client, REFUSED[name]())

    if "import_id" in answer:
        assert answer["state"] == "refused"
        sentence = answer["problem"]
    else:
        sentence = answer.get("errors", [answer])[0]["detail"]
        assert client.get("/api/imports").json()["results"] == []
    assert sentence.endswith(".")
    assert len(sentence) < 300


@pytest.mark.parametrize("name", LISTED)
def test_a_hostile_row_is_listed_with_its_reason(client, name):
    record = post(client, LISTED[name]())

    [row] = client.get(f"/api/imports/{record['import_id']}/rows").json()["results"]
    assert row["decision"] == "wrong"
    assert row["because"].endswith(".")
    assert len(json.dumps(record)) < 3000
