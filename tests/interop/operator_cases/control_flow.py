"""Operators that choose, copy and count. Those with sub-blocks are compared as whole programs: see flow_programs.py."""
from operator_cases import A, U, case

case("control_flow", "select_input_first", "select_input", {"X": [U(2, 3), U(2, 3)], "Mask": A([0], "int32")}, gradient=False)
case("control_flow", "select_input_second", "select_input", {"X": [U(2, 3), U(2, 3)], "Mask": A([1], "int32")}, gradient=False)
case("control_flow", "is_empty", "is_empty", {"X": U(2, 3)}, gradient=False)
case("control_flow", "memcpy", "memcpy", {"X": U(2, 3)}, {"dst_place_type": 0}, gradient=False)
case("control_flow", "share_data", "share_data", {"X": U(2, 3)}, gradient=False)
case("control_flow", "coalesce_copied", "coalesce_tensor", {"Input": [U(2, 3), U(4)]},
     {"dtype": 5, "copy_data": True, "use_align": False}, {"Output": 2, "FusedOutput": 1}, gradient=False)
case("control_flow", "print", "print", {"In": U(2, 2)},
     {"first_n": -1, "message": "a case", "summarize": 2, "print_phase": "FORWARD", "print_tensor_name": True, "print_tensor_type": True,
      "print_tensor_shape": True, "print_tensor_layout": True, "print_tensor_lod": True, "is_forward": True})
case("control_flow", "seed_given", "seed", {}, {"seed": 7}, gradient=False)
