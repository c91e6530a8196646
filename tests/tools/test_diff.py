import json
import struct

from tool import GOLDEN, ToolTest, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"


class Diff(ToolTest):
    def diff(self, *arguments):
        code, out, error = skiff("diff", *arguments, "--json")
        self.assertIn(code, (0, 1), error)
        answer = json.loads(out)
        self.assertEqual(answer["equal"], code == 0)
        return answer

    def changed_weights(self, name="model"):
        """LeNet with the last bias, ten numbers, raised by 0.5 at one place."""
        prefix = self.copy("seed_lenet_hapi/inference_model", name)
        path = self.folder / f"{name}.pdiparams"
        data = bytearray(path.read_bytes())
        at = data.index(struct.pack("<iB", 4, 8), data.rindex(bytes([16, 120, 16, 84])) + 4 + 4 * 120 * 84)  # linear_2.b_0
        value, = struct.unpack_from("<f", data, at + 8)
        struct.pack_into("<f", data, at + 8, value + 0.5)
        path.write_bytes(data)
        return prefix

    def test_every_model_equals_itself(self):
        for path in sorted(GOLDEN.rglob("*.pdmodel")):
            with self.subTest(path=path.relative_to(GOLDEN)):
                code, out, error = skiff("diff", path, path)
                self.assertEqual(code, 0, out + error)

    def test_other_names_are_no_difference(self):
        prefix = self.copy("seed_lenet_hapi/inference_model")
        path = self.folder / "model.pdmodel"
        path.write_bytes(path.read_bytes().replace(b"conv2d_", b"conv2d@").replace(b"linear_", b"linear@"))
        code, out, error = skiff("diff", LENET, prefix, "--run")
        self.assertEqual(code, 0, out + error)
        self.assertIn("programs: equal but for names", out)
        self.assertIn("linear_2.w_0 -> linear@2.w_0", out)
        self.assertIn("weights: 10 compared, all equal", out)
        self.assertIn("no difference", out)

    def test_names_the_weight_and_how_far_it_is(self):
        answer = self.diff(LENET, self.changed_weights())
        self.assertTrue(answer["programs"]["equal"])
        weight, = [tensor for tensor in answer["weights"]["tensors"] if not tensor["equal"]]
        self.assertEqual((weight["elements"], weight["outside"]), (10, 1))
        self.assertAlmostEqual(weight["max_abs"], 0.5, places=6)
        self.assertAlmostEqual(weight["mean_abs"], 0.05, places=6)
        self.assertEqual(skiff("diff", LENET, self.changed_weights(), "--atol", "0.6")[0], 0)

    def test_a_run_finds_the_operator_that_the_weight_goes_into(self):
        run = self.diff(LENET, self.changed_weights(), "--run", "--shape", "image=2,1,28,28")["run"]
        self.assertEqual(run["first"]["type"], "elementwise_add")
        self.assertEqual(run["first"]["values"]["elements"], 20)
        self.assertFalse(run["outputs"][0]["equal"])

    def test_attributes_shapes_and_operators_that_differ_are_listed(self):
        prefix = self.copy("seed_lenet_hapi/inference_model")
        path = self.folder / "model.pdmodel"
        data = path.read_bytes().replace(b"\x04relu", b"\x04tanh", 1).replace(b"\x0a\x0cpooling_type\x10\x02\x2a\x03max",
                                                                              b"\x0a\x0cpooling_type\x10\x02\x2a\x03avg", 1)
        path.write_bytes(data)
        programs = self.diff(LENET, prefix)["programs"]
        kinds = [(op["kind"], op["type"]) for op in programs["operators"]]
        self.assertEqual(sorted(kinds), [("added", "tanh"), ("changed", "pool2d"), ("removed", "relu")])
        change, = [op["changes"] for op in programs["operators"] if op["type"] == "pool2d"]
        self.assertEqual(change, ['attribute pooling_type: "max" -> "avg"'])

    def test_what_only_training_or_other_backends_need_is_no_difference(self):
        case = GOLDEN / "seed_matmul_add"
        whole = sorted(p.name for p in case.glob("*.pdmodel") if "clip" in p.name or "legacy" in p.name)
        self.assertTrue(whole)
        for name in whole:
            with self.subTest(name=name):
                answer = self.diff(case / "infer_model.pdmodel", case / name)
                self.assertTrue(answer["programs"]["equal"], answer["programs"])

    def test_blocks_of_loops_are_compared_too(self):
        source = GOLDEN / "static_control_flow" / "model.pdmodel"
        data = source.read_bytes()
        self.assertIn(b"less_than", data)
        (self.folder / "x.pdmodel").write_bytes(data.replace(b"less_than", b"less_thin"))
        answer = self.diff(source, self.folder / "x.pdmodel")
        blocks = {(op["kind"], op["block_a"]) for op in answer["programs"]["operators"]}
        self.assertTrue(any(block > 0 for kind, block in blocks if kind == "removed"), blocks)

    def test_tensors_of_any_two_formats_are_compared(self):
        skiff("convert", LENET, self.folder / "a.safetensors")
        skiff("convert", LENET, self.folder / "b.npz")
        for one, other in (("a.safetensors", "b.npz"), (LENET, "a.safetensors"), ("b.npz", f"{LENET}.pdiparams")):
            code, out, error = skiff("diff", self.folder / one, self.folder / other)
            self.assertEqual(code, 0, out + error)
            self.assertIn("10 compared, all equal", out)

    def test_layers_states_are_compared_by_the_names_of_variables_too(self):
        state = GOLDEN / "seed_lenet_hapi" / "checkpoint" / "test.pdparams"
        for a, b in ((LENET, state), (state, LENET), (state, state)):
            code, out, error = skiff("diff", a, b, "--json")
            weights = json.loads(out)["weights"]
            self.assertEqual((len(weights["tensors"]), weights["missing"], weights["extra"]), (10, [], []), error)
            self.assertTrue(all(tensor["problem"] == "" for tensor in weights["tensors"]))

    def test_a_model_written_for_paddle_3_computes_by_the_same_operators(self):
        skiff("convert", LENET, self.folder / "model.json")
        code, out, error = skiff("diff", LENET, self.folder / "model.json", "--run")
        self.assertEqual(code, 0, out + error)
        self.assertIn("equal but for names", out)

    def test_parameters_are_compared_though_loops_are_written_otherwise(self):
        loop = GOLDEN / "static_control_flow" / "model"
        skiff("convert", loop, self.folder / "model.json")
        weights = self.diff(loop, self.folder / "model.json")["weights"]
        self.assertEqual([(tensor["name"], tensor["name_b"], tensor["equal"]) for tensor in weights["tensors"]], [("loop_w", "loop_w", True)])

    def test_a_file_without_names_takes_those_of_the_model_beside_it_on_the_line(self):
        for model in (LENET, GOLDEN / "static_control_flow" / "model"):
            skiff("convert", model, self.folder / "alone.pdiparams")
            for pair in ((model, self.folder / "alone.pdiparams"), (self.folder / "alone.pdiparams", model)):
                code, out, error = skiff("diff", *pair)
                self.assertEqual(code, 0, out + error)

    def test_pickles_of_anything_are_compared(self):
        pickles = GOLDEN / "nested_pickles"
        for name in ("tensor", "list", "tuple", "scalars"):
            with self.subTest(name=name):
                self.assertEqual(skiff("diff", pickles / f"{name}.p2.pkl", pickles / f"{name}.p4.pkl")[0], 0)
        code, out, error = skiff("diff", pickles / "tensor.p4.pkl", pickles / "zero_d.p4.pkl")
        self.assertEqual(code, 1, out + error)

    def test_entries_of_one_state_alone_are_listed(self):
        optimizers = GOLDEN / "optimizers"
        weights = self.diff(optimizers / "adam_sched.pdopt", optimizers / "momentum.pdopt")["weights"]
        self.assertIn("linear_0.w_0_moment1_0", weights["missing"])
        self.assertTrue(any("velocity" in name for name in weights["extra"]), weights["extra"])
        self.assertTrue(any("LR_Scheduler" in text for text in weights["objects"]), weights["objects"])

    def test_every_model_runs_like_itself(self):
        models = sorted((GOLDEN.parent / "fixtures" / "models").glob("*.pdiparams")) + sorted(GOLDEN.rglob("*.pdiparams"))
        shapes = {"super_resolution": "image=1,1,8,8"}
        for path in models:
            prefix = path.with_suffix("")
            if not path.with_suffix(".pdmodel").exists():
                continue
            with self.subTest(prefix=prefix.name):
                shape = ["--shape", shapes[prefix.name]] if prefix.name in shapes else []
                code, out, error = skiff("diff", prefix, prefix, "--run", "--threads", "1", *shape)
                self.assertEqual(code, 0, out + error)

    def test_a_run_that_fails_says_that_its_inputs_were_drawn(self):
        model = GOLDEN.parent / "fixtures" / "models" / "super_resolution"
        code, _, error = skiff("diff", model, model, "--run")
        self.assertEqual(code, 2)
        self.assertIn("inputs were drawn, -1 taken as 1", error)

    def test_a_run_of_other_numbers_of_inputs_is_refused(self):
        code, _, error = skiff("diff", LENET, GOLDEN / "jit_embed_lstm" / "model", "--run")
        self.assertEqual(code, 2)
        self.assertIn("cannot be run side by side", error)
        self.assertEqual(skiff("diff", LENET, f"{LENET}.pdiparams", "--run")[0], 2)
