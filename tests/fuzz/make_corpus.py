"""Fills tests/fuzz/corpus with small files of each kind from tests/golden and tests/fixtures, each content once.

usage: python tests/fuzz/make_corpus.py
"""

import hashlib
import json
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
MOST_BYTES = {"program": 8000, "model": 16000, "pickle": 1200, "tensor_stream": 1200, "npy": 1200, "pir": 9000, "safetensors": 1000}
PATTERNS = {
    "tensor_stream": ["*.bin", "*.pdiparams", "__params__", "v_*", "*.w_*", "*.b_*"],
    "pickle": ["*.pdparams", "*.pdopt", "*.pkl", "*.pd", "*.info"],
    "npy": ["*.npy", "*.npz"],
}


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(message):
    """(field number, its whole bytes, its content) of each field of a protobuf message."""
    at = 0
    while at < len(message):
        begin = at
        key, at = varint(message, at)
        start = at
        if key & 7 == 2:
            size, start = varint(message, at)
            at = start + size
        elif key & 7 == 0:
            at = varint(message, at)[1]
        else:
            at += 8 if key & 7 == 1 else 4
        yield key >> 3, message[begin:at], message[start:at]


def delimited(number, content):
    size, header = len(content), bytes([number << 3 | 2])
    while size >= 0x80:
        header, size = header + bytes([size & 0x7F | 0x80]), size >> 7
    return header + bytes([size]) + content


def without_source_lines(message, path=(1, 4)):
    """A ProgramDesc whose operators (field 4 of blocks, field 1) lack what says where they were made: most of its bytes."""
    kept = b""
    for number, whole, content in fields(message):
        if path and number == path[0]:
            kept += delimited(number, without_source_lines(content, path[1:]))
        elif (
            path or number != 4 or not content.startswith((b"\n\x0cop_callstack", b"\n\x0cop_namescope", b"\n\top_device", b"\n\x0fwith_quant_attr"))
        ):
            kept += whole
    return kept


def programs():
    for pattern in ("golden/**/*.pdmodel", "golden/**/__model__", "fixtures/**/*.pdmodel"):
        for path in sorted(TESTS.glob(pattern)):
            yield without_source_lines(path.read_bytes())


def pir_documents():
    """Those of the golden files, and their first operators alone: a small document is mutated and read sooner."""
    for path in sorted([*TESTS.glob("golden/pir_*_v3/*.json"), *TESTS.glob("fixtures/pir/*.json")]):
        yield path.read_bytes()
        document = json.loads(path.read_text())
        ops = document["program"]["regions"][0]["blocks"][0]["ops"]
        for count in (1, 2, 4, 7, 10):
            document["program"]["regions"][0]["blocks"][0]["ops"] = ops[:count]
            yield json.dumps(document, separators=(",", ":")).encode()


def main():
    shutil.rmtree(HERE / "corpus", ignore_errors=True)
    contents = {"program": programs(), "model": programs(), "pir": pir_documents()}
    for target, patterns in PATTERNS.items():
        contents[target] = (path.read_bytes() for pattern in patterns for path in sorted((TESTS / "golden").rglob(pattern)))
    contents["safetensors"] = [  # the header and, behind a NUL, the tensors: see safetensors_fuzzer.cc
        b'{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"v":{"dtype":"BOOL","shape":[2,2],"data_offsets":[4,8]}}\0abcdefgh',
        b'{"e":{"dtype":"I64","shape":[0,3],"data_offsets":[0,0]},"s":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}\0ab',
    ]
    for target, files in contents.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True)
        for content in files:
            if len(content) <= MOST_BYTES[target]:
                (folder / hashlib.sha1(content).hexdigest()[:12]).write_bytes(content)
        print(target, len(list(folder.iterdir())), "files,", sum(f.stat().st_size for f in folder.iterdir()), "bytes")


if __name__ == "__main__":
    main()
