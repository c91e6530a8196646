import json
import zipfile

from tool import GOLDEN, ToolTest, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"
FOLDER = GOLDEN / "legacy_separate" / "model"


class Convert(ToolTest):
    def convert(self, *arguments):
        code, out, error = skiff("convert", *arguments)
        self.assertEqual(code, 0, error)
        return out

    def assertSameBytes(self, one, other):
        self.assertEqual(one.read_bytes(), other.read_bytes())

    def test_tensors_go_through_every_format_and_come_back_byte_for_byte(self):
        names = ["a.safetensors", "b.npz", "c.pdparams", "d.pdopt", "e.pkl", "f.safetensors"]
        self.convert(LENET, self.folder / names[0])
        for before, after in zip(names, names[1:]):
            self.convert(self.folder / before, self.folder / after)
        self.assertSameBytes(self.folder / names[0], self.folder / names[-1])
        self.convert(self.folder / names[-1], self.folder / "g.pdiparams", "--program", LENET)
        self.assertSameBytes(self.folder / "g.pdiparams", LENET.with_suffix(".pdiparams"))
        self.convert(self.folder / "b.npz", self.folder / "again", "--program", LENET)
        self.assertSameBytes(self.folder / "again.pdmodel", LENET.with_suffix(".pdmodel"))
        self.assertSameBytes(self.folder / "again.pdiparams", LENET.with_suffix(".pdiparams"))

    def test_folders_of_1_x_become_files_of_2_x_and_folders_again(self):
        self.convert(FOLDER, self.folder / "new")
        self.convert(self.folder / "new.pdmodel", f"{self.folder}/old/")
        written = sorted((self.folder / "old").iterdir())
        self.assertEqual(len(written), 9)  # the program and its eight parameters
        for path in written:
            self.assertSameBytes(path, FOLDER / path.name)
        self.convert(self.folder / "new", self.folder / "combined", "--to", "combined_folder")
        self.assertEqual(sorted(p.name for p in (self.folder / "combined").iterdir()), ["__model__", "__params__"])
        self.assertSameBytes(self.folder / "combined" / "__params__", self.folder / "new.pdiparams")
        self.assertEqual(skiff("diff", FOLDER, self.folder / "combined")[0], 0)

    def test_a_folder_of_paddle_3_has_its_program_in_json(self):
        matmul = GOLDEN / "seed_matmul_add" / "infer_model"
        self.convert(matmul, f"{self.folder}/m/")
        self.convert(matmul, self.folder / "x.json")
        (self.folder / "m" / "__model__").unlink()
        (self.folder / "x.json").rename(self.folder / "m" / "__model__.json")
        for command in ("show", "verify"):
            code, out, error = skiff(command, self.folder / "m")
            self.assertEqual(code, 0, error)
            self.assertIn("__model__.json: program", out)
        self.convert(self.folder / "m", self.folder / "again", "--to", "model")
        self.assertSameBytes(self.folder / "again.pdiparams", matmul.with_suffix(".pdiparams"))
        self.convert(matmul, f"{self.folder}/m/")
        self.assertFalse((self.folder / "m" / "__model__.json").exists())

    def test_a_folder_of_one_file_per_variable_loses_the_combined_file(self):
        self.convert(LENET, self.folder / "m", "--to", "combined_folder")
        self.convert(LENET, f"{self.folder}/m/")
        self.assertFalse((self.folder / "m" / "__params__").exists())

    def test_a_folder_of_variables_needs_no_program_for_their_names(self):
        nested = GOLDEN / "legacy_combined" / "nested_dir"
        self.convert(nested, self.folder / "x.npz")
        names = sorted(name[:-len(".npy")] for name in zipfile.ZipFile(self.folder / "x.npz").namelist())
        self.assertEqual(names, sorted(str(p.relative_to(nested)) for p in nested.rglob("*") if p.is_file()))
        self.assertTrue(any("/" in name for name in names))
        for command in (("show", nested), ("verify", nested), ("diff", nested, self.folder / "x.npz")):
            self.assertEqual(skiff(*command)[0], 0, command)
        self.convert(FOLDER, f"{self.folder}/m/")
        (self.folder / "m" / "__model__").rename(self.folder / "program")
        self.assertEqual(skiff("verify", self.folder / "m", "--program", self.folder / "program")[0], 0)
        self.convert(self.folder / "m", self.folder / "again", "--program", self.folder / "program")
        (self.folder / "m" / "fc_0.b_0").unlink()
        self.assertEqual(skiff("verify", self.folder / "m", "--program", self.folder / "program")[0], 1)

    def test_pickles_change_their_protocol_and_nothing_else(self):
        nested = GOLDEN / "nested_pickles"
        for name in ("dict", "scalars", "set", "tensor"):
            self.convert(nested / f"{name}.p4.pkl", self.folder / "x.pkl", "--protocol", "2")
            code, two, _ = skiff("show", self.folder / "x.pkl", "--json")
            four = json.loads(skiff("show", nested / f"{name}.p4.pkl", "--json")[1])
            self.assertEqual(code, 0)
            self.assertEqual(json.loads(two)["tensors"], four["tensors"])
            self.assertEqual(json.loads(two).get("objects"), four.get("objects"))
            self.assertEqual((self.folder / "x.pkl").read_bytes()[:2], b"\x80\x02")

    def test_a_scheduler_is_left_out_only_when_asked(self):
        state = GOLDEN / "optimizers" / "adam_sched.pdopt"
        code, _, error = skiff("convert", state, self.folder / "x.safetensors")
        self.assertEqual(code, 2)
        self.assertIn('"LR_Scheduler" is a dict', error)
        self.assertIn("--tensors_only leaves out", error)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.convert(state, self.folder / "x.npz", "--tensors_only")
        self.assertEqual(len(zipfile.ZipFile(self.folder / "x.npz").namelist()), 8)

    def test_tensors_that_are_not_the_programs_are_an_error_that_lists_them(self):
        code, _, error = skiff("convert", GOLDEN / "seed_linear_adam" / "linear_net.pdparams", self.folder / "x", "--program", LENET)
        self.assertEqual(code, 2)
        self.assertIn('missing: "conv2d_0.b_0", "conv2d_0.w_0"', error)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_jit_save_tells_of_the_parameters_comes_along(self):
        conv = GOLDEN / "jit_conv_bn_relu" / "model"
        self.convert(conv, self.folder / "again")
        self.assertSameBytes(self.folder / "again.pdiparams.info", conv.with_suffix(".pdiparams.info"))
        self.convert(GOLDEN / "seed_matmul_add" / "infer_model", self.folder / "again")  # it was of other parameters
        self.assertFalse((self.folder / "again.pdiparams.info").exists())

    def test_of_two_programs_the_one_that_was_not_read_is_named(self):
        prefix = self.copy("seed_matmul_add/infer_model")
        self.convert(GOLDEN / "seed_matmul_add" / "infer_model", self.folder / "model.json")
        (self.folder / "model.checksums").unlink()
        for command in ("show", "verify", "bench"):
            code, _, said = skiff(command, prefix)
            self.assertEqual(code, 0, said)
            self.assertIn('model.json" is read', said)
            self.assertEqual(said.count("model.pdmodel"), 1)
        self.assertEqual(skiff("show", f"{prefix}.pdmodel")[2], "")

    def test_structured_names_find_the_variables_they_stand_for(self):
        conv = GOLDEN / "jit_conv_bn_relu"
        self.convert(conv / "model.pdparams", self.folder / "x.pdiparams", "--program", conv / "model")
        self.assertSameBytes(self.folder / "x.pdiparams", conv / "model.pdiparams")

    def test_pairs_that_make_no_sense_say_what_is_missing(self):
        weights = GOLDEN / "seed_linear_adam" / "linear_net.pdparams"
        cases = [((weights, self.folder / "x"), "--to names it: model, folder"),
                 ((weights, self.folder / "x.pdmodel"), "--program MODEL names it"),
                 ((weights, self.folder / "x.pdiparams"), "--program MODEL names it"),
                 ((weights, self.folder / "x.safetensor"), "--to names it"),
                 ((weights, self.folder / "x", "--to", "safetensor"), 'did you mean "safetensors"?'),
                 ((weights, self.folder / "x.pkl", "--protocol", "5"), "wanted 2, 3 or 4"),
                 ((GOLDEN / "README.md", self.folder / "x.npz"), "is of the kind unknown, tensors are wanted"),
                 ((GOLDEN / "dtypes_pdiparams" / "all.pdiparams", self.folder / "x.npz"), "holds tensors without names"),
                 ((weights,), "wanted IN and OUT, got 1 arguments")]
        for arguments, said in cases:
            with self.subTest(arguments=arguments):
                code, out, error = skiff("convert", *arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(said, error)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_says_what_it_did_in_json(self):
        done = json.loads(self.convert(LENET, self.folder / "x.npz", "--json"))
        self.assertEqual((done["kind"], done["to"]), ("program", "npz"))
