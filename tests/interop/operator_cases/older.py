"""Operators that 2.x keeps for older programs, beside newer ones that say the same. See __init__.py."""
from operator_cases import A, D, NOT_COMPUTED, U, case

case("older", "reshape", "reshape", {"X": U(2, 6)}, {"shape": [3, -1]})
case("older", "reshape_kept_extent", "reshape", {"X": U(2, 3, 4)}, {"shape": [0, -1]})
case("older", "transpose", "transpose", {"X": U(2, 3, 4)}, {"axis": [1, 2, 0]})
for axis in range(4):
    case("older", f"flatten2_axis_{axis}", "flatten2", {"X": U(2, 3, 4)}, {"axis": axis}, {"Out": 1, "XShape": NOT_COMPUTED})
case("older", "top_k", "top_k", {"X": D(3, 5)}, {"k": 2}, {"Out": 1, "Indices": 1})
case("older", "top_k_of_a_tensor", "top_k", {"X": D(2, 3, 4), "K": A([3], "int32")}, {"k": 1}, {"Out": 1, "Indices": 1}, gradient=False)
