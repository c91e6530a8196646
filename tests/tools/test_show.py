import json

from tool import GOLDEN, ToolTest, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"


class Show(ToolTest):
    def test_names_inputs_outputs_and_parameters_of_a_program(self):
        code, out, _ = skiff("show", f"{LENET}.pdmodel")
        self.assertEqual(code, 0)
        self.assertIn("image  float32 [-1, 1, 28, 28]", out)
        self.assertIn("save_infer_model/scale_0.tmp_0  float32 [-1, 10]", out)
        self.assertIn("10 tensors, 61610 elements", out)
        self.assertIn("Paddle 2.6.2", out)

    def test_counts_operators_and_flops_in_json(self):
        code, out, _ = skiff("show", LENET, "--json")
        self.assertEqual(code, 0)
        facts = json.loads(out)
        self.assertEqual(facts["operator_types"]["conv2d"]["count"], 2)
        self.assertTrue(facts["operator_types"]["conv2d"]["known"])
        # 28x28 outputs of 6 3x3x1 filters, 10x10 of 16 5x5x6 ones: multiply and add
        self.assertEqual(facts["operator_types"]["conv2d"]["flops"], 2 * (6 * 28 * 28 * 9 + 16 * 10 * 10 * 150))
        self.assertEqual(facts["operator_types"]["matmul_v2"]["flops"], 2 * (400 * 120 + 120 * 84 + 84 * 10))

    def test_flops_follow_the_shape_given(self):
        one = json.loads(skiff("show", LENET, "--json")[1])["flops"]
        eight = json.loads(skiff("show", LENET, "--json", "--shape", "image=8,1,28,28")[1])["flops"]
        self.assertEqual(eight, 8 * one)

    def test_says_flops_in_words_of_their_size(self):
        # 2 (6 28^2 9 + 16 10^2 150 + 400 120 + 120 84 + 84 10) of the convolutions and products
        self.assertIn("FLOPs       682.5 thousand for", skiff("show", LENET)[1])
        self.assertIn("FLOPs       682.5 million for", skiff("show", LENET, "--shape", "image=1000,1,28,28")[1])

    def test_refuses_a_shape_of_an_unknown_input_or_of_another_rank(self):
        code, _, error = skiff("show", LENET, "--shape", "imag=1,1,28,28")
        self.assertNotEqual(code, 0)
        self.assertIn('"imag", which is no input; did you mean "image"?', error)
        code, _, error = skiff("show", LENET, "--shape", "image=1,28,28")
        self.assertNotEqual(code, 0)
        self.assertIn('"image" [1, 28, 28], the program declares [-1, 1, 28, 28]', error)

    def test_takes_names_of_tensors_from_the_program_beside_them(self):
        code, out, _ = skiff("show", f"{LENET}.pdiparams", "--json")
        self.assertEqual(code, 0)
        tensors = {tensor["name"]: tensor["shape"] for tensor in json.loads(out)["tensors"]}
        self.assertEqual(tensors["conv2d_0.w_0"], [6, 1, 3, 3])

    def test_lists_tensors_of_pickles(self):
        for name in ("linear_net.pdparams", "adam.pdopt"):
            code, out, _ = skiff("show", GOLDEN / "seed_linear_adam" / name)
            self.assertEqual(code, 0)
            self.assertIn("float32 [784, 10]", out)

    def test_lists_nested_objects_by_their_path(self):
        facts = json.loads(skiff("show", GOLDEN / "seed_linear_adam" / "nested.pkl", "--json")[1])
        self.assertEqual(facts["objects"]["epoch"], "100")
        self.assertTrue(any(tensor["name"].startswith("model.") for tensor in facts["tensors"]))

    def test_a_program_of_paddle_3_says_the_version_of_its_format(self):
        source = GOLDEN / "pir_json_v3" / "static_fc.json"
        self.assertIn("\n  written by  Paddle 3 (PIR in JSON, version 4)\n", skiff("show", source)[1])
        older = self.folder / "older.json"
        older.write_text(source.read_text().replace('"version":4', '"version":2'))
        self.assertEqual(json.loads(skiff("show", older, "--json")[1])["version"], "3 (PIR in JSON, version 2)")

    def test_prints_the_tree_of_a_pickle(self):
        code, out, _ = skiff("show", GOLDEN / "optimizers" / "adam_sched.pdopt")
        self.assertEqual(code, 0)
        self.assertIn("\n  linear_0.w_0_moment1_0  float32 [3, 2]\n", out)
        self.assertIn("\n  LR_Scheduler: dict of 2\n    last_epoch = 1\n", out)

    def test_shows_rows_of_tables_and_levels_of_detail(self):
        rows = json.loads(skiff("show", GOLDEN / "selected_rows" / "rows.bin", "--json")[1])
        self.assertEqual((rows["objects"]["height"], rows["objects"]["rows"]), ("10", "[0, 4, 7]"))
        self.assertIn("float32 [6, 2]  LoD [0, 2, 3][0, 1, 3, 6]", skiff("show", GOLDEN / "lod_tensor" / "lod2.bin")[1])

    def test_shows_arrays_and_safetensors(self):
        facts = json.loads(skiff("show", GOLDEN / "dtypes_pdparams" / "io.npz", "--json")[1])
        self.assertIn({"name": "t_bfloat16", "dtype": "bfloat16", "shape": [4]}, [{**t, "shape": [4]} for t in facts["tensors"]])
        skiff("convert", LENET, self.folder / "x.safetensors")
        self.assertIn("tensors: 10, 246.4 KB", skiff("show", self.folder / "x.safetensors")[1])

    def test_opens_every_file_of_values_that_paddle_wrote(self):
        for path in sorted(GOLDEN.rglob("*")):
            if path.suffix in (".pdparams", ".pdopt", ".pkl", ".pdiparams", ".info", ".npz", ".bin") and path.name != "serialize_program.bin":
                with self.subTest(path=path.relative_to(GOLDEN)):
                    code, out, error = skiff("show", path)
                    self.assertEqual(code, 0, error)
                    self.assertIn("tensors: ", out)
                    self.assertEqual(skiff("verify", path)[0], 0)

    def test_a_program_elsewhere_names_tensors(self):
        (self.folder / "x.pdiparams").write_bytes(LENET.with_suffix(".pdiparams").read_bytes())
        self.assertIn("tensor 0  float32 [6]", skiff("show", self.folder / "x.pdiparams")[1])
        self.assertIn("conv2d_0.b_0  float32 [6]", skiff("show", self.folder / "x.pdiparams", "--program", LENET)[1])

    def test_says_whose_source_a_program_names(self):
        self.assertIn("names 1 file of its author's, model.py; skiff strip removes that", skiff("show", LENET)[1])

    def test_names_never_command_a_terminal(self):
        path = self.folder / "x.pdmodel"
        path.write_bytes(LENET.with_suffix(".pdmodel").read_bytes().replace(b"image", b"\x1b[2J\x07"))
        code, out, _ = skiff("show", path)
        self.assertEqual(code, 0)
        self.assertIn("\\x1b[2J\\x07  float32 [-1, 1, 28, 28]", out)
        _, _, error = skiff("run", path, "--input", "a\x1bb=x.npy")
        self.assertNotIn("\x1b", out + error)

    def test_refuses_what_is_no_file_of_a_model(self):
        code, _, error = skiff("show", GOLDEN / "README.md")
        self.assertEqual(code, 2)
        self.assertIn("is no file that skiff knows", error)
        code, _, error = skiff("show", self.folder)
        self.assertEqual(code, 2)
        self.assertIn("has neither a __model__ nor files of variables", error)

    def test_writes_a_graph_for_graphviz(self):
        code, out, _ = skiff("show", LENET, "--dot")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("digraph program {") and out.rstrip().endswith("}"))
        self.assertEqual(out.count('label="conv2d"'), 2)
        self.assertIn('"v:image"', out)

    def test_opens_every_program_that_paddle_wrote(self):
        for path in sorted(GOLDEN.rglob("*.pdmodel")) + sorted(GOLDEN.rglob("__model__")):
            with self.subTest(path=path.relative_to(GOLDEN)):
                code, out, error = skiff("show", path)
                self.assertEqual(code, 0, error)
                self.assertIn("operators", out)

    def test_refuses_a_program_that_is_cut_off(self):
        path = self.folder / "cut.pdmodel"
        path.write_bytes((GOLDEN / "seed_lenet_hapi" / "inference_model.pdmodel").read_bytes()[:-100])
        code, out, error = skiff("show", path)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("cut.pdmodel", error)
