import json

from tool import GOLDEN, ToolTest, skiff

LENET = "seed_lenet_hapi/inference_model"


class Verify(ToolTest):
    def test_says_yes_to_files_that_paddle_wrote(self):
        for prefix in (LENET, "seed_matmul_add/infer_model", "jit_conv_bn_relu/model"):
            with self.subTest(prefix=prefix):
                code, out, error = skiff("verify", GOLDEN / prefix)
                self.assertEqual(code, 0, out + error)
                self.assertIn("belong together", out)

    def test_says_yes_to_weights_of_eight_bits_that_are_dequantized(self):
        code, out, _ = skiff("verify", GOLDEN.parent / "fixtures" / "models" / "quantized")
        self.assertEqual(code, 0, out)

    def test_lists_every_parameter_of_another_program(self):
        prefix = self.copy(LENET)
        (self.folder / "model.pdiparams").write_bytes(
            (GOLDEN / "seed_matmul_add" / "infer_model.pdiparams").read_bytes())
        code, out, _ = skiff("verify", prefix, "--json")
        self.assertEqual(code, 1)
        answer = json.loads(out)
        self.assertFalse(answer["ok"])
        self.assertEqual(len([text for text in answer["defects"] if '"' in text]), 10)
        self.assertIn("holds 2 tensors, the program wants 10", " ".join(answer["defects"]))

    def test_says_no_without_parameters(self):
        prefix = self.copy(LENET)
        (self.folder / "model.pdiparams").unlink()
        code, out, _ = skiff("verify", prefix)
        self.assertEqual(code, 1)
        self.assertIn("10 parameters", out)

    def test_damage_is_a_defect_of_any_file(self):
        files = ["seed_lenet_hapi/inference_model.pdmodel", "seed_lenet_hapi/inference_model.pdiparams", "seed_lenet_hapi/io.npz",
                 "seed_linear_adam/adam.pdopt", "selected_rows/rows.bin", "binary_format/f32.bin", "x.safetensors"]
        skiff("convert", GOLDEN / LENET, self.folder / "x.safetensors")
        for name in files:
            source = self.folder / name if name == "x.safetensors" else GOLDEN / name
            if not source.exists():
                continue
            with self.subTest(name=name):
                path = self.folder / "cut"
                path.write_bytes(source.read_bytes()[:-1])
                code, out, error = skiff("verify", path)
                self.assertEqual(code, 1, out + error)
                self.assertIn("cut: 1 defect", out)

    def test_the_program_beside_a_file_is_found_in_every_layout(self):
        for name in ("pir_json_v3/static_fc.pdiparams", "pir_json_v3/train.pdparams", "legacy_combined/model/__params__"):
            with self.subTest(name=name):
                self.assertIn("it belongs to", skiff("verify", GOLDEN / name)[1])
        self.assertIn("bn1.w_0", skiff("show", GOLDEN / "legacy_combined/model/__params__")[1])
        for name in ("legacy_combined", "legacy_separate"):
            code, out, error = skiff("verify", GOLDEN / name / "model" / "__model__")
            self.assertEqual(code, 0, out + error)

    def test_a_prefix_goes_before_a_folder_of_its_name(self):
        prefix = self.copy(LENET)
        prefix.mkdir()
        for command in ("show", "verify"):
            self.assertIn("model.pdmodel: program", skiff(command, prefix)[1])

    def test_a_folder_of_other_files_is_told_as_such(self):
        code, _, error = skiff("show", GOLDEN / "jit_conv_bn_relu")
        self.assertEqual(code, 2)
        self.assertIn("is named by its prefix", error)

    def test_files_of_strangers_get_an_answer(self):
        files = GOLDEN.parent / "hostile" / "files"
        for name in ("npz/ratio.npz", "npz/array_of_objects.npz", "pickle/deep.pdparams", "program/extents_overflow.pdmodel"):
            with self.subTest(name=name):
                code, out, error = skiff("verify", files / name)
                self.assertEqual(code, 1, out + error)
                self.assertIn("1 defect", out)

    def test_an_empty_file_is_no_program(self):
        (self.folder / "x.pdmodel").write_bytes(b"")
        code, out, _ = skiff("verify", self.folder / "x")
        self.assertEqual(code, 1)
        self.assertIn("the file is empty", out)

    def test_a_cut_file_of_parameters_is_named(self):
        prefix = self.copy(LENET)
        path = self.folder / "model.pdiparams"
        path.write_bytes(path.read_bytes()[:-1])
        code, out, _ = skiff("verify", prefix)
        self.assertEqual(code, 1)
        self.assertIn("model.pdiparams", out)

    def test_says_whether_a_file_of_tensors_belongs_to_a_program(self):
        skiff("convert", GOLDEN / LENET, self.folder / "x.safetensors")
        for path in (self.folder / "x.safetensors", GOLDEN / f"{LENET}.pdiparams"):
            code, out, error = skiff("verify", path, "--program", GOLDEN / LENET)
            self.assertEqual(code, 0, out + error)
            self.assertIn("it belongs to", out)
            code, out, _ = skiff("verify", path, "--program", GOLDEN / "seed_matmul_add" / "infer_model")
            self.assertEqual(code, 1, out)
        conv = GOLDEN / "jit_conv_bn_relu"  # structured names, the variables' in a table beside them
        self.assertEqual(skiff("verify", conv / "model.pdparams", "--program", conv / "model")[0], 0)

    def test_names_operators_that_skiff_lacks(self):
        prefix = self.copy(LENET)
        path = self.folder / "model.pdmodel"
        path.write_bytes(path.read_bytes().replace(b"\x06conv2d", b"\x06qonv9d").replace(b"\x04relu", b"\x04rulu"))
        code, out, _ = skiff("verify", prefix)
        self.assertEqual(code, 1)
        self.assertIn("qonv9d (2 of them, first block 0 op 1)", out)
        self.assertIn("operator rulu (", out)
