"""Elements chosen by masks, indices and counts; values put into slices. See __init__.py."""
import numpy as np

from operator_cases import A, B, D, I, NOT_COMPUTED, U, case  # noqa: F401

F = "choosing"
MASK = A([[True, False, True], [False, False, True]], "bool")
case(F, "where_index", "where_index", {"Condition": MASK})
case(F, "where_index_float", "where_index", {"Condition": A([0, 1.5, -0.0, np.nan])})
case(F, "where_index_int_none", "where_index", {"Condition": A([[0, 0]], "int64")})
case(F, "masked_select", "masked_select", {"X": U(2, 3), "Mask": MASK}, outputs="Y", gradient=False)
case(F, "masked_select_int", "masked_select", {"X": I(2, 3), "Mask": MASK}, outputs="Y")

UNIQUE = {"Out": 1, "Indices": 1, "Index": 1, "Counts": 1}
ALL = {"return_index": True, "return_inverse": True, "return_counts": True, "is_sorted": True, "dtype": 3, "axis": []}
case(F, "unique_flat", "unique", {"X": I(3, 4, low=0, high=5)}, ALL, UNIQUE)
case(F, "unique_float_int32", "unique", {"X": A([2, -1, 2, 0.5, -1])}, {**ALL, "dtype": 2}, UNIQUE, gradient=False)
case(F, "unique_rows", "unique", {"X": A([[2, 1], [0, 3], [2, 1], [0, 1]], "int64")}, {**ALL, "axis": [0]}, UNIQUE)
case(F, "unique_columns", "unique", {"X": A([[2, 1, 2, 1], [0, 3, 0, 2]], "int32")}, {**ALL, "axis": [1]}, UNIQUE)
case(F, "unique_last_of_three", "unique", {"X": I(2, 2, 5, low=0, high=2)}, {**ALL, "axis": [-1]}, UNIQUE)
case(F, "unique_out_only", "unique", {"X": I(7, low=0, high=4)}, {"is_sorted": True, "dtype": 3}, {"Out": 1, "Index": NOT_COMPUTED})
case(F, "unique_empty", "unique", {"X": np.zeros([0], "float32")}, {**ALL, "return_index": False, "return_counts": False},
     {"Out": 1, "Index": 1}, gradient=False)
case(F, "unique_as_met", "unique", {"X": A([2, 3, 3, 1, 5, 3], "int64")}, {"dtype": 2, "is_sorted": False}, {"Out": 1, "Index": 1})
case(F, "unique_with_counts", "unique_with_counts", {"X": A([2, 3, 3, 1, 5, 3], "int64")}, {"dtype": 2},
     {"Out": 1, "Index": 1, "Count": 1})
RUNS = {"Out": 1, "Index": 1, "Counts": 1}
BOTH = {"return_inverse": True, "return_counts": True, "dtype": 3, "axis": []}
case(F, "unique_consecutive", "unique_consecutive", {"X": A([1, 1, 2, 2, 3, 1, 1, 2], "int64")}, BOTH, RUNS)
case(F, "unique_consecutive_float", "unique_consecutive", {"X": A([1, 1, 2, 2, 3])}, {**BOTH, "dtype": 2}, RUNS, gradient=False)
case(F, "unique_consecutive_rows", "unique_consecutive", {"X": A([[1, 2], [1, 2], [3, 4], [1, 2]], "int64")}, {**BOTH, "axis": [0]}, RUNS)
case(F, "unique_consecutive_columns", "unique_consecutive", {"X": A([[1, 1, 2], [3, 3, 3]], "int64")}, {**BOTH, "axis": [1]}, RUNS)

for k, shards in ((0, 2), (1, 2), (1, 3)):
    case(F, f"shard_index_{k}_of_{shards}", "shard_index", {"X": A([[1], [10], [7], [19]], "int64")},
         {"index_num": 20, "nshards": shards, "shard_id": k, "ignore_value": -1})
case(F, "shard_index_int32", "shard_index", {"X": A([[1], [10]], "int32")},
     {"index_num": 20, "nshards": 2, "shard_id": 0, "ignore_value": 99})
case(F, "bincount", "bincount", {"X": A([1, 3, 1, 0], "int32")})
case(F, "bincount_minlength", "bincount", {"X": A([1, 3, 1, 0], "int64")}, {"minlength": 7})
case(F, "bincount_float_weights", "bincount", {"X": A([1, 3, 1], "int32"), "Weights": A([1, 2.5, 3])}, {"minlength": 2}, gradient=False)
case(F, "bincount_int_weights", "bincount", {"X": A([1, 3, 1], "int32"), "Weights": A([1, 2, 3], "int32")})
case(F, "bincount_empty", "bincount", {"X": np.zeros([0], "int32")}, {"minlength": 3})
for dim in (0, 1):  # a negative one stops Paddle 2.6.2
    case(F, f"repeat_interleave_{dim}", "repeat_interleave", {"X": U(2, 3, 2)}, {"Repeats": 3, "dim": dim})
case(F, "repeat_interleave_tensor", "repeat_interleave", {"X": U(2, 3), "RepeatsTensor": A([2, 0, 1], "int64")}, {"dim": 1}, gradient=False)
case(F, "repeat_interleave_tensor_int32", "repeat_interleave", {"X": U(2, 3), "RepeatsTensor": A([1, 2], "int32")}, {"dim": 0}, gradient=False)
case(F, "repeat_interleave_int", "repeat_interleave", {"X": I(4)}, {"Repeats": 2, "dim": 0})

X = A(np.arange(6).reshape(2, 3))
PUT = {"x": X, "indices": [A([1, 1, -1], "int64")], "value": A([[1, 2, 3], [4, 5, 6], [7, 8, 9]])}
case(F, "index_put_rows_added", "index_put", PUT, {"accumulate": True}, "out")
case(F, "index_put_elements", "index_put", {"x": X, "indices": [A([0, 1, 1], "int32"), A([0, 2, -2], "int32")], "value": A([7, 8, 9])},
     {"accumulate": False}, "out")
case(F, "index_put_broadcast", "index_put", {"x": X, "indices": [A([1, 0], "int64"), A([[0], [2]], "int64")], "value": A([[1], [4]])},
     {"accumulate": False}, "out")
case(F, "index_put_mask", "index_put", {"x": X, "indices": [MASK], "value": A([9])}, {"accumulate": False}, "out")
case(F, "index_put_mask_of_rows", "index_put", {"x": X, "indices": [A([False, True], "bool")], "value": A([[9, 8, 7]])},
     {"accumulate": False}, "out")
case(F, "index_put_scalar_added", "index_put", {"x": X, "indices": [A([0], "int64")], "value": A(1)}, {"accumulate": True}, "out")
case(F, "index_put_int", "index_put", {"x": I(3, 2), "indices": [A([2], "int64")], "value": A([[5, 6]], "int64")}, {"accumulate": False}, "out")


def put(name, shape, value, axes, starts, ends, steps, decrease=(), none=(), tensors=(), **more):
    """A set_value; `value` an array for ValueTensor, or a list for the attribute."""
    attrs = {"axes": axes, "starts": starts, "ends": ends, "steps": steps, "decrease_axes": list(decrease), "none_axes": list(none),
             "dtype": 5, **more}
    inputs = {"Input": U(*shape)}
    if isinstance(value, list):
        attrs.update(values=value, shape=more.get("shape", [len(value)]))
    else:
        inputs["ValueTensor"] = value
    for slot, values in tensors:
        inputs[slot] = [A([v], "int64") for v in values]
    case(F, "set_value_" + name, "set_value", inputs, attrs, gradient=not tensors)


MANY = 2147483647
put("number", (2, 3, 4), [1.5], [0], [0], [1], [1], decrease=[0])
put("tensor", (4, 3, 4), U(4), [0, 1], [0, 1], [1, 2], [1, 1], decrease=[1])
put("tensor_repeated", (4, 3), U(1, 3), [0], [1], [MANY], [1])
put("tensor_column", (4, 3), U(2, 1), [0], [1], [3], [1])
put("whole", (2, 3), U(2, 3), [], [], [], [])
put("stride", (5, 4), U(3, 4), [0], [0], [MANY], [2])
put("backwards", (4,), U(2), [0], [3], [-5], [-2])
put("reversed", (2, 3), U(3), [0], [MANY], [-1], [-1])
put("negative_start", (4, 3), [2.0], [0, 1], [-2, -1], [MANY, MANY], [1, 1])
put("end_clamped", (4,), U(1), [0], [2], [9], [1])
put("one_element", (2, 3), U(1, 1), [0, 1], [1, 1], [2, 2], [1, 1], decrease=[0, 1])
put("new_axis", (2, 3), U(1, 3), [0], [1], [2], [1], decrease=[0], none=[0])
put("empty", (2, 3), [1.0], [0], [1], [1], [1])
put("starts_tensors", (3, 4), [5.0], [0], [], [], [1], decrease=[0], tensors=(("StartsTensorList", [1]), ("EndsTensorList", [2])))
put("all_tensors", (5, 2), U(2), [0], [], [], [], tensors=(("StartsTensorList", [0]), ("EndsTensorList", [4]), ("StepsTensorList", [2])))
case(F, "set_value_int64", "set_value", {"Input": I(2, 3)}, {"axes": [1], "starts": [0], "ends": [2], "steps": [1], "dtype": 3,
     "values": [7, 8], "shape": [2], "decrease_axes": [], "none_axes": []})
case(F, "shuffle_batch_one_row", "shuffle_batch", {"X": U(1, 3), "Seed": A([5], "int64")}, {"startup_seed": 0}, {"Out": 1, "ShuffleIdx": 1, "SeedOut": NOT_COMPUTED},
     gradient=False)
case(F, "class_center_sample_no_others", "class_center_sample", {"Label": A([3, 3, 7, 1], "int64")},
     {"num_classes": 10, "num_samples": 2, "fix_seed": True, "seed": 3}, {"RemappedLabel": 1, "SampledLocalClassCenter": 1})
case(F, "multinomial_certain", "multinomial", {"X": A([[0, 0, 1], [0, 2, 0]])}, {"num_samples": 2, "replacement": True}, gradient=False)
case(F, "bernoulli_certain", "bernoulli", {"X": A([0, 1, 1])}, gradient=False)
case(F, "poisson_of_zero", "poisson", {"X": A([0, -1])})
