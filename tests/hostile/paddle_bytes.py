"""Bytes of Paddle's formats, written field by field, so that any field can be wrong. Source: docs/formats.md."""

import struct
import zlib

# ---- pickles


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def call(module, name, *arguments):
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def array(shape, code, content, order="<", built=True):
    dtype = call("numpy", "dtype", text(code), b"\x89", b"\x88") + b"(K\x03" + text(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    made = call("numpy.core.multiarray", "_reconstruct", b"cnumpy\nndarray\n", b"K\x00\x85", b"C\x01b")
    extents = b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", extent) for extent in shape) + b"t"
    return made + (b"(K\x01" + extents + dtype + b"\x89B" + struct.pack("<I", len(content)) + content + b"tb" if built else b"")


def state(key, value):
    return b"}" + text(key) + value + b"s."


# ---- streams of tensors


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def dense(dims, content, dtype=5, version=0, size=None):
    desc = b"\x08" + varint(dtype) + b"".join(b"\x10" + varint(d) for d in dims)
    return struct.pack("<Ii", version, len(desc) if size is None else size) + desc + content


def tensor(dims, content, lod=(), version=0, **how):
    levels = b"".join(struct.pack("<Q", 8 * len(level)) + struct.pack(f"<{len(level)}Q", *level) for level in lod)
    return struct.pack("<IQ", version, len(lod)) + levels + dense(dims, content, **how)


def rows(numbers, height, dims, content, count=None):
    return (
        struct.pack("<IQ", 0, len(numbers) if count is None else count)
        + struct.pack(f"<{len(numbers)}q", *numbers)
        + struct.pack("<q", height)
        + dense(dims, content)
    )


# ---- programs


def field(number, content):
    if isinstance(content, int):
        return bytes([number << 3]) + varint(content)
    if isinstance(content, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", content)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(name, kind, number, *values):
    return field(4, field(1, name) + field(2, kind) + b"".join(field(number, value) for value in values))


def INT(name, value):
    return attribute(name, 0, 3, value)  # noqa: E704


def INTS(name, *values):
    return attribute(name, 3, 6, *values)  # noqa: E704


def BOOL(name, value):
    return attribute(name, 6, 10, int(value))  # noqa: E704


def STRING(name, value):
    return attribute(name, 2, 5, value)  # noqa: E704


def BLOCK(name, index):
    return attribute(name, 8, 12, index)  # noqa: E704


def LONG(name, value):
    return attribute(name, 9, 13, value)  # noqa: E704


def operator(kind, inputs=None, outputs=None, *attributes):
    def slots(number, given):
        return b"".join(
            field(number, field(1, slot) + b"".join(field(2, name) for name in ([names] if isinstance(names, str) else names)))
            for slot, names in (given or {}).items()
        )

    return field(4, slots(1, inputs) + slots(2, outputs) + field(3, kind) + b"".join(attributes))


def variable(name, dims=(4,), dtype=5, persistable=False, kind=7, fed=False):
    described = field(1, kind)
    if kind == 7:
        described += field(3, field(1, field(1, dtype) + b"".join(field(2, d) for d in dims)) + field(2, 0))
    return field(3, field(1, name) + field(2, described) + (field(3, 1) if persistable else b"") + (field(4, 1) if fed else b""))


def block(*parts, index=0, parent=None):
    return field(1, field(1, index) + field(2, (-1 if index == 0 else 0) if parent is None else parent) + b"".join(parts))


FEED = variable("feed", kind=9, persistable=True)
FETCH = variable("fetch", kind=10, persistable=True)


def feed(name, col=0):
    return operator("feed", {"X": "feed"}, {"Out": name}, INT("col", col))


def fetch(name, col=0):
    return operator("fetch", {"X": name}, {"Out": "fetch"}, INT("col", col))


def program(*parts, blocks=b""):
    return block(FEED, FETCH, *parts) + blocks


# ---- archives


def archive(members, count=None, offset=None):
    """members: (name, method, stored bytes, announced size, crc)."""
    body, central = b"", b""
    for name, method, packed, size, crc in members:
        head = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0, crc, len(packed), size, len(name), 0)
        central += b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04" + head + name + packed
    return (
        body
        + central
        + b"PK\x05\x06"
        + struct.pack(
            "<HHHHIIH",
            0,
            0,
            len(members) if count is None else count,
            len(members) if count is None else count,
            len(central),
            len(body) if offset is None else offset,
            0,
        )
    )


def deflated(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def npy(descr, shape, content, more=""):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, {more}}}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content
