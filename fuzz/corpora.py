#!/usr/bin/env python3
"""The inputs that are kept in fuzz/corpora: a file for each target, a line of base64 for each input, gzip.

corpora.py unpack DIRECTORY         writes each target's inputs as files into DIRECTORY/TARGET
corpora.py pack TARGET DIRECTORY    keeps the files of DIRECTORY as the inputs of TARGET
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import sys
from pathlib import Path

CORPORA = Path(__file__).resolve().parent / "corpora"


def unpack(directory: Path) -> None:
    for packed in CORPORA.glob("*.gz"):
        target = directory / packed.stem
        target.mkdir(parents=True, exist_ok=True)
        for line in gzip.decompress(packed.read_bytes()).splitlines():
            data = base64.b64decode(line)
            (target / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(target: str, directory: Path) -> None:
    inputs = sorted((file.read_bytes() for file in directory.iterdir()), key=lambda data: (len(data), data))
    lines = b"".join(base64.b64encode(data) + b"\n" for data in inputs)
    CORPORA.mkdir(exist_ok=True)
    packed = CORPORA / f"{target}.gz"
    packed.write_bytes(gzip.compress(lines, 9, mtime=0))
    print(f"{target}: {len(inputs)} inputs, {packed.stat().st_size} bytes")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["unpack", directory]:
            unpack(Path(directory))
        case ["pack", target, directory]:
            pack(target, Path(directory))
        case _:
            sys.exit(__doc__)
