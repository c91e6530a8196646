"""Writes the files of strangers that tests/io/hostile_test.cc and tests/python/test_hostile.py read: files/ and verdicts.json.

usage: python tests/hostile/make_hostile.py

Each verdict names the file, how it is read ("pickle", "tensor", "program", "model", "folder", "run", "npz"; see the tests) and what the
error must say; null where the file is odd but harmless. What is written here follows docs/formats.md, not skiff's own writers.
"""

import json
import shutil
import struct
import zlib
from pathlib import Path

import hostile_runs
from paddle_bytes import (
    BLOCK,
    archive,
    array,
    attribute,
    block,
    call,
    deflated,
    dense,
    feed,
    fetch,
    field,
    npy,
    operator,
    program,
    rows,
    state,
    tensor,
    text,
    variable,
)

HERE = Path(__file__).resolve().parent
FILES = HERE / "files"
VERDICTS = []


def verdict(name, reader, says, **files):
    """files: what each suffix holds; `content` alone is the file itself."""
    for suffix, content in files.items():
        path = FILES / (name if suffix == "content" else f"{name}.{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    VERDICTS.append({"file": name, "reader": reader, "says": says})


# ---- pickles

TWO = b"\x80\x02"
CODE = "skiff runs no code"


def pickles():
    for name, module, function in (
        ("os_system", "posix", "system"),
        ("nt_system", "nt", "system"),
        ("subprocess", "subprocess", "Popen"),
        ("import", "builtins", "__import__"),
        ("getattr", "builtins", "getattr"),
        ("exec", "builtins", "exec"),
        ("numpy_load", "numpy", "load"),
        ("copyreg", "copyreg", "_reconstructor"),
        ("partial", "functools", "partial"),
    ):
        verdict(f"pickle/{name}.pdparams", "pickle", f"{module}.{function}", content=TWO + call(module, function, text("touch /tmp/owned")) + b".")
    verdict("pickle/eval.pdparams", "pickle", CODE, content=TWO + call("__builtin__", "eval", text("__import__('os').system('true')"), b"}") + b".")
    verdict(
        "pickle/eval_data.pdparams", "pickle", CODE, content=TWO + call("__builtin__", "eval", text("data"), b"}" + text("data") + b"K\x01s") + b"."
    )
    verdict("pickle/nested_call.pdparams", "pickle", "posix.system", content=TWO + state("w", b"]" + call("posix", "system", text("true")) + b"a"))
    for name, opcodes in (
        ("inst", b"(iposix\nsystem\n."),
        ("obj", b"(cposix\nsystem\no."),
        ("persistent_id", b"P1\n."),
        ("extension", b"\x82\x01."),
        ("newobj", b"cbuiltins\nset\n)\x81."),
        ("setstate_of_dict", b"}}b."),
    ):
        verdict(f"pickle/opcode_{name}.pdparams", "pickle", "opcode", content=TWO + opcodes)
    verdict("pickle/deep.pdparams", "pickle", "max_depth", content=TWO + b"]" * 50000 + b"a" * 49999 + b".")
    verdict("pickle/deep_tuple.pdparams", "pickle", "max_depth", content=TWO + b")" + b"\x85" * 50000 + b".")
    verdict("pickle/itself.pdparams", "pickle", "holds itself", content=TWO + b"]q\x00h\x00a.")
    verdict("pickle/itself_in_dict.pdparams", "pickle", "holds itself", content=TWO + b"}q\x00" + text("w") + b"h\x00s.")
    lists = b"]q\x00N" + b"a" + b"".join(b"](" + b"h" + bytes([k]) + b"h" + bytes([k]) + b"eq" + bytes([k + 1]) for k in range(60))
    verdict("pickle/doubling.pdparams", "pickle", "shared without measure", content=TWO + b"(" + lists + b"t.")
    many = b"](" + b"N" * 20000 + b"e"
    verdict(
        "pickle/sets_of_one_list.pdparams",
        "pickle",
        "max_growth",
        content=TWO + b"(" + many + b"\x85q\x00cbuiltins\nset\nq\x01" + b"h\x01h\x00R" * 20000 + b"t.",
    )
    verdict(
        "pickle/encoded_again_and_again.pdparams",
        "pickle",
        "max_growth",
        content=TWO + b"(" + text("a" * 200000) + text("latin1") + b"\x86q\x00" + b"c_codecs\nencode\nh\x00R" * 2000 + b"t.",
    )
    verdict("pickle/arrays_of_one_text.pdparams", "pickle", "", content=TWO + state("w", array([2], "f4", b"1234")))
    for name, shape, content in (
        ("overflow", [1 << 62, 8], b""),
        ("overflow_to_zero", [1 << 32, 1 << 32], b""),
        ("negative", [-1, -4], b"1234"),
        ("short", [3], b"12345678"),
        ("long", [1], b"12345678"),
        ("huge", [1 << 40], b"1234"),
        ("empty_and_huge", [0, 1 << 62, 1 << 62], b""),
    ):
        verdict(f"pickle/array_{name}.pdparams", "pickle", "array", content=TWO + state("w", array(shape, "f4", content)))
    verdict("pickle/array_of_objects.pdparams", "pickle", "numpy type", content=TWO + state("w", array([1], "O8", b"12345678")))
    verdict("pickle/array_without_elements.pdparams", "pickle", "without elements", content=TWO + state("w", array([1], "f4", b"", built=False)))
    verdict("pickle/many_dimensions.pdparams", "pickle", "dimensions", content=TWO + state("w", array([1] * 40, "f4", b"1234")))
    verdict("pickle/frame.pdparams", "pickle", "frame", content=b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"}.")
    verdict("pickle/text_without_end.pdparams", "pickle", "4294967295 bytes are wanted", content=TWO + b"X\xff\xff\xff\xffabc.")
    verdict("pickle/text_of_64_bits.pdparams", "pickle", "", content=b"\x80\x04\x8d" + struct.pack("<Q", 1 << 63) + b"abc.")
    verdict("pickle/long_int.pdparams", "pickle", "an int of", content=TWO + b"\x8b\xff\xff\xff\x7f.")
    verdict("pickle/negative_int.pdparams", "pickle", "an int of", content=TWO + b"\x8b\xff\xff\xff\xff.")
    verdict("pickle/no_utf8.pdparams", "pickle", "UTF-8", content=TWO + b"X\x02\x00\x00\x00\xc3\x28.")
    verdict("pickle/protocol_99.pdparams", "pickle", "protocol 99", content=b"\x80\x63}.")
    verdict("pickle/two.pdparams", "pickle", "should end", content=TWO + b"}." + TWO + b"}.")
    verdict("pickle/nothing_left.pdparams", "pickle", "stack", content=TWO + b".")
    verdict("pickle/mark_left.pdparams", "pickle", "stack", content=TWO + b"(}.")
    verdict("pickle/no_mark.pdparams", "pickle", "mark", content=TWO + b"]e.")
    verdict("pickle/unknown_memo.pdparams", "pickle", "never remembered", content=TWO + b"h\x07.")
    verdict("pickle/key_twice.pdparams", "pickle", "twice", content=TWO + b"}(" + text("w") + b"K\x01" + text("w") + b"K\x02u.")
    verdict("pickle/list_as_key.pdparams", "pickle", "key of a dict", content=TWO + b"}]K\x01s.")
    verdict(
        "pickle/dtype_as_value.pdparams", "pickle", "class or dtype", content=TWO + state("w", call("numpy", "dtype", text("f4"), b"\x89", b"\x88"))
    )
    verdict("pickle/nul_in_a_name.pdparams", "pickle", None, content=TWO + state("a\0b", array([1], "f4", b"1234")))
    verdict("pickle/path_as_a_name.pdparams", "pickle", None, content=TWO + state("../../etc/passwd", array([1], "f4", b"1234")))
    verdict("pickle/empty.pdparams", "pickle", "", content=b"")


# ---- streams of tensors


def tensors():
    four = struct.pack("<4f", 1, 2, 3, 4)
    for name, says, content in (
        ("version_1", "version 1", tensor([4], four, version=1)),
        ("inner_version_1", "version 1", dense([4], four)[:0] + tensor([4], four).replace(b"\0\0\0\0\x04", b"\1\0\0\0\x04", 1)),
        ("cut", "are left", tensor([4], four[:-1])),
        ("trailing", "bytes follow the tensor", tensor([4], four + b"!")),
        ("negative_extent", "an extent of", tensor([-4], four)),
        ("overflow", "overflow", tensor([1 << 62, 16], four)),
        ("overflow_to_zero", "overflow", tensor([1 << 32, 1 << 32], b"")),
        ("empty_and_huge", "overflow", tensor([0, 1 << 62, 1 << 62], b"")),
        ("huge", "are left", tensor([1 << 40], four)),
        ("many_dimensions", "dimensions", tensor([1] * 64, four[:4])),
        ("unknown_dtype", "type 99", tensor([4], four, dtype=99)),
        ("description_too_long", "are left", tensor([4], four, size=1 << 30)),
        ("description_of_no_size", "a size of", tensor([4], four, size=-1)),
        ("lod_falls", "LoD", tensor([4], four, lod=[(0, 3, 2, 4)])),
        ("lod_too_short", "LoD", tensor([4], four, lod=[(0, 2)])),
        ("lod_too_long", "LoD", tensor([4], four, lod=[(0, 9)])),
        ("lod_starts_late", "LoD", tensor([4], four, lod=[(1, 4)])),
        ("lod_empty_level", "LoD", tensor([4], four, lod=[()])),
        ("lod_of_a_scalar", "0-D", tensor([], four[:4], lod=[(0, 1)])),
        ("lod_of_odd_bytes", "multiple of 8", struct.pack("<IQQ", 0, 1, 7) + b"1234567" + dense([4], four)),
        ("lod_levels", "levels of LoD", struct.pack("<IQ", 0, 1 << 60)),
        ("lod_bytes", "are left", struct.pack("<IQQ", 0, 1, 1 << 60)),
        ("rows_negative_count", "", rows([0], 4, [1, 4], four, count=(1 << 64) - 1)),
        ("row_outside", "", rows([9], 4, [1, 4], four)),
        ("row_negative", "", rows([-1], 4, [1, 4], four)),
        ("rows_too_few", "", rows([0, 1], 4, [1, 4], four)),
        ("empty", "", b""),
        ("zeros", "", b"\0" * 64),
    ):
        verdict(f"tensor/{name}.bin", "tensor", says, content=content)


# ---- programs


def programs():
    x = variable("x", fed=True)
    for name, says, content in (
        ("empty", "empty", b""),
        ("garbage", "", b"\xff" * 40),
        ("text", "", b"not a program"),
        ("no_block", "no block", field(4, field(1, 0))),
        ("block_number", "numbered", block(index=3)),
        ("root_with_parent", "has the parent", block(x, parent=0)),
        ("parent_behind", "must be a block before", block(x) + block(index=1, parent=2) + block(index=2)),
        ("own_parent", "must be a block before", block(x) + block(index=1, parent=1)),
        ("negative_parent", "must be a block before", block(x) + block(index=1, parent=-7)),
        ("own_sub_block", "sub-block of itself", block(x, operator("while", {"X": "x", "Condition": "x"}, {"Out": "x"}, BLOCK("sub_block", 0)))),
        ("sub_block_outside", "block 99", block(x, operator("while", {"X": "x"}, {}, BLOCK("sub_block", 99)))),
        ("sub_block_negative", "block -1", block(x, operator("while", {"X": "x"}, {}, BLOCK("sub_block", -1)))),
        (
            "sub_blocks_in_a_circle",
            "sub-block of itself",
            block(x, operator("while", {"X": "x"}, {}, BLOCK("sub_block", 1)))
            + block(operator("while", {"X": "x"}, {}, BLOCK("sub_block", 2)), index=1)
            + block(operator("while", {"X": "x"}, {}, BLOCK("sub_block", 1)), index=2),
        ),
        (
            "sub_blocks_too_deep",
            "nested blocks",
            b"".join(
                block(
                    *([x] if i == 0 else []),
                    *([operator("while", {"X": "x"}, {}, BLOCK("sub_block", i + 1))] if i < 120 else []),
                    index=i,
                    parent=i - 1,
                )
                for i in range(121)
            ),
        ),
        (
            "sub_blocks_doubling",
            "owned too often",
            b"".join(
                block(
                    *([x] if i == 0 else []),
                    *(operator("while", {"X": "x"}, {}, BLOCK("sub_block", i + 1)) for _ in range(2 if i < 40 else 0)),
                    index=i,
                )
                for i in range(41)
            ),
        ),
        ("extents_overflow", "63 bits", block(variable("x", (1 << 62, 16)))),
        ("many_dimensions", "dimensions", block(variable("x", (1,) * 40))),
        ("unknown_dtype", "of the type", block(variable("x", dtype=99))),
        ("unknown_kind", "of the kind", block(variable("x", kind=99))),
        ("unknown_attribute_kind", "unknown type", block(x, operator("relu", {"X": "x"}, {"Out": "x"}, attribute("a", 77, 3, 1)))),
        ("slot_twice", "twice", block(x, field(4, field(1, field(1, "X") + field(2, "x")) * 2 + field(3, "relu")))),
        ("variable_twice", "twice", block(x, x)),
        ("operator_without_type", "without a type", block(x, field(4, b""))),
        ("variable_without_name", "without a name", block(field(3, field(2, field(1, 7))))),
        ("length_past_the_end", "are wanted", block(x)[:-2]),
        ("length_of_64_bits", "", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("varint_without_end", "", b"\x0a" + b"\x80" * 20),
        ("group", "wire type", b"\x0b\x0c"),
        ("field_0", "no protobuf field", b"\x02\x00"),
        ("nul_in_a_name", None, block(variable("a\0b"))),
        ("path_as_a_name", None, block(variable("../../etc/passwd"))),
        ("name_of_a_variable_no_utf8", "no UTF-8", block(variable("w\udcff"))),
        ("name_of_an_argument_no_utf8", "no UTF-8", block(x, operator("relu", {"X": "x\udcff"}, {"Out": "x"}))),
        ("name_of_an_operator_no_utf8", "no UTF-8", block(x, operator("relu\udce9", {"X": "x"}, {"Out": "x"}))),
        ("negative_extent", None, block(variable("x", (-5, 3)))),
    ):
        verdict(f"program/{name}.pdmodel", "program", says, content=content)


def models():
    w, content = variable("w", (2, 3), persistable=True), struct.pack("<6f", *range(6))
    model = program(
        variable("x", (-1, 2), fed=True),
        w,
        variable("v", (3,), persistable=True),
        variable("y", (-1, 3)),
        variable("out", (-1, 3)),
        feed("x"),
        operator("mul", {"X": "x", "Y": "w"}, {"Out": "y"}),
        operator("elementwise_add", {"X": "y", "Y": "v"}, {"Out": "out"}),
        fetch("out"),
    )
    v, good = tensor([3], content[:12]), tensor([2, 3], content)
    for name, says, parameters in (
        ("as_it_should_be", None, v + good),
        ("swapped_extents", "[3, 2]", v + tensor([3, 2], content)),
        ("other_order", "", good + v),
        ("too_few", "holds 1 tensors", v),
        ("too_many", "holds 3 tensors", v + good + v),
        ("trailing", "", v + good + b"\0"),
        ("cut", "are left", (v + good)[:-1]),
        ("cut_by_128", "", (v + tensor([2, 3], content))[:-24]),
        ("empty", "holds 0 tensors", b""),
        ("version_1", "version 1", v + tensor([2, 3], content, version=1)),
        ("float64", "float64", v + tensor([2, 3], content * 2, dtype=6)),
        ("int32", "int32", v + tensor([2, 3], content, dtype=2)),
        ("text", "", b"These are no parameters at all, but a text."),
        ("zeros", "", b"\0" * 200),
    ):
        verdict(f"model/{name}", "model", says, pdmodel=model, pdiparams=parameters)
    for name, says, col in (("negative", "column", -1), ("huge", "column", (1 << 31) - 1), ("hole", "column", 2)):
        verdict(f"model/feed_column_{name}", "model", says, pdmodel=program(variable("x", fed=True), feed("x", col), fetch("x")), pdiparams=b"")
    verdict(
        "model/column_twice",
        "model",
        "column",
        pdmodel=program(variable("x", fed=True), variable("y", fed=True), feed("x"), feed("y"), fetch("x")),
        pdiparams=b"",
    )

    for name, called in (
        ("parent", "../outside"),
        ("absolute", "/etc/passwd"),
        ("inside_and_out", "a/../../outside"),
        ("nul", "w\0x"),
        ("folder", ".."),
        ("empty", ""),
    ):
        VERDICTS.append({"file": f"folder/{name}", "reader": "folder", "says": "leads out of the folder"})
        path = FILES / "folder" / name
        path.mkdir(parents=True, exist_ok=True)
        (path / "__model__").write_bytes(program(variable(called, persistable=True), variable("x", fed=True), feed("x"), fetch("x")))


# ---- archives


def runs():
    for name, says, content in hostile_runs.cases():
        verdict(f"run/{name}.pdmodel", "run", says, content=content)
    verdict("run/as_it_should_be.pdmodel", "run", None, content=hostile_runs.one("relu", {"X": "x"}, {"Out": "out"}))


def archives():
    good = npy("<f4", "(2,)", b"12345678")
    stored = (b"a.npy", 0, good, len(good), zlib.crc32(good))
    bomb = deflated(b"\0" * (1 << 20))
    for name, says, content in (
        ("as_it_should_be", None, archive([stored])),
        ("no_archive", "no zip", b"PK" + b"\0" * 60),
        ("empty", "", b""),
        ("cut", "", archive([stored])[:-30]),
        ("crc", "damaged", archive([(*stored[:4], 1)])),
        ("ratio", "max_growth", archive([(b"a.npy", 8, bomb, (1 << 32) - 2, 0)])),
        ("larger_than_announced", "larger", archive([(b"a.npy", 8, bomb, 100, 0)])),
        ("smaller_than_announced", "", archive([(b"a.npy", 8, bomb, 1 << 19 << 2, 0)])),
        ("count", "", archive([stored], count=60000)),
        ("directory_behind_the_end", "behind the end", archive([stored], offset=1 << 30)),
        ("unknown_method", "method", archive([(b"a.npy", 99, good, len(good), zlib.crc32(good))])),
        ("twice", "twice", archive([stored, stored])),
        ("name_no_utf8", "no UTF-8", archive([(b"\xff.npy", *stored[1:])])),
        ("array_overflow", "", archive([(b"a.npy", 0, bad, len(bad), zlib.crc32(bad)) for bad in [npy("<f4", "(4611686018427387904, 16)", b"")]])),
        ("array_negative", "", archive([(b"a.npy", 0, bad, len(bad), zlib.crc32(bad)) for bad in [npy("<f4", "(-2,)", b"")]])),
        ("array_of_objects", "", archive([(b"a.npy", 0, bad, len(bad), zlib.crc32(bad)) for bad in [npy("|O", "(1,)", b"12345678")]])),
        ("array_short", "", archive([(b"a.npy", 0, bad, len(bad), zlib.crc32(bad)) for bad in [npy("<f4", "(2,)", b"1234")]])),
        (
            "header_is_code",
            "no description",
            archive([(b"a.npy", 0, bad, len(bad), zlib.crc32(bad)) for bad in [npy("<f4", "__import__('os').system('true')", b"")]]),
        ),
    ):
        verdict(f"npz/{name}.npz", "npz", says, content=content)


def main():
    shutil.rmtree(FILES, ignore_errors=True)
    for write in (pickles, tensors, programs, models, runs, archives):
        write()
    (HERE / "verdicts.json").write_text("[\n" + ",\n".join(json.dumps(entry) for entry in VERDICTS) + "\n]\n")
    print(len(VERDICTS), "verdicts,", sum(path.stat().st_size for path in FILES.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
