"""The picture in README.md shows the demo as it is: `make recording` makes it anew."""

from __future__ import annotations

import re
import sys
from html import unescape

from harness import paths

sys.path.insert(0, str(paths.ROOT / "demo"))

from rows import ROWS


def test_the_recording_shows_every_call() -> None:
    picture = (paths.ROOT / "docs" / "pictures" / "demo.svg").read_text()
    assert len(picture) < 300_000 and str(paths.ROOT) not in picture
    shown = [unescape(re.sub("<[^>]*>", "", text)) for text in re.findall(r"<text[^>]*>(.*)</text>", picture)]
    assert shown[0] == "$ make demo" and shown[-1] == f"{len(ROWS)} of {len(ROWS)} calls as expected."
    # Two spaces or more separate the cells.
    calls = [tuple(re.split(r"  +", line)[:5]) for line in shown[3:-1]]
    assert calls == [(row.who, row.call, row.namespace or "(cluster)", row.expected, row.expected) for row in ROWS]
