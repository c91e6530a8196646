import json
import zipfile

from tool import GOLDEN, ToolTest, read_npy, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"
MATMUL = GOLDEN / "seed_matmul_add"


class Strip(ToolTest):
    def test_removes_every_path_and_line_of_the_author_and_says_so(self):
        code, out, error = skiff("strip", LENET, self.folder / "out", "--json")
        self.assertEqual(code, 0, error)
        told, after = json.loads(out), (self.folder / "out.pdmodel").read_bytes()
        self.assertIn(b"op_callstack", LENET.with_suffix(".pdmodel").read_bytes())
        self.assertNotIn(b"op_callstack", after)
        self.assertEqual(told["files"], ["model.py"])
        self.assertEqual(told["bytes_before"] - told["bytes_after"], LENET.with_suffix(".pdmodel").stat().st_size - len(after))
        self.assertEqual(json.loads(skiff("show", self.folder / "out", "--json")[1])["source_files"], [])

    def test_what_is_left_is_the_same_model(self):
        for prefix in ("seed_lenet_hapi/inference_model", "jit_control_flow/model", "static_save_train/train"):
            with self.subTest(prefix=prefix):
                self.assertEqual(skiff("strip", GOLDEN / prefix, self.folder / "out")[0], 0)
                self.assertEqual(skiff("diff", GOLDEN / prefix, self.folder / "out")[0], 0)
        self.assertTrue((self.folder / "out.pdopt").exists())

    def test_a_file_is_replaced_in_place(self):
        prefix = self.copy("seed_lenet_hapi/inference_model")
        self.assertEqual(skiff("strip", prefix, prefix)[0], 0)
        self.assertNotIn(b"op_callstack", (self.folder / "model.pdmodel").read_bytes())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["model.checksums", "model.pdiparams", "model.pdmodel"])
        self.assertIn("of 0 operators", skiff("strip", prefix, prefix)[1])

    def test_checksums_are_of_every_file_and_not_of_damage(self):
        self.assertEqual(skiff("convert", LENET, self.folder / "model")[0], 0)
        prefix, parameters = self.folder / "model", self.folder / "model.pdiparams"
        self.assertEqual(skiff("strip", prefix, prefix)[0], 0)
        self.assertIn(" .pdiparams\n", (self.folder / "model.checksums").read_text())
        data = bytearray(parameters.read_bytes())
        data[-1] ^= 1
        parameters.write_bytes(data)
        for out in (prefix, self.folder / "new"):
            code, _, error = skiff("strip", prefix, out)
            self.assertEqual(code, 2)
            self.assertIn("is not the file that was saved", error)

    def test_writes_programs_of_one_form(self):
        self.assertIn("skiff convert", skiff("strip", LENET, self.folder / "x.json")[2])

    def test_folders_of_1_x_keep_their_variables(self):
        folder = GOLDEN / "legacy_separate" / "model"
        self.assertEqual(skiff("strip", folder, self.folder / "new")[0], 0)
        self.assertEqual(len(list((self.folder / "new").iterdir())), 9)  # the program and its parameters

    def test_wants_a_program(self):
        code, _, error = skiff("strip", f"{LENET}.pdiparams", self.folder / "x")
        self.assertEqual(code, 2)
        self.assertIn("is of the kind tensors, a program is wanted", error)


class Edit(ToolTest):
    def edit(self, *arguments):
        code, out, error = skiff("edit", *arguments, "--json")
        self.assertEqual(code, 0, error)
        return json.loads(out)

    def test_cuts_a_model_at_a_variable_that_then_is_what_it_computes(self):
        with zipfile.ZipFile(MATMUL / "io.npz") as archive:
            key = next(name for name in archive.namelist() if name.startswith("in_0"))[:-len(".npy")]
        array = f"img={MATMUL}/io.npz:{key}"
        made = self.edit(MATMUL / "infer_model", self.folder / "cut", "--cut", "matmul_v2_0.tmp_0")
        self.assertEqual([v["name"] for v in made["outputs"]], ["matmul_v2_0.tmp_0"])
        self.assertEqual(made["parameters"], 1)
        self.assertEqual(skiff("run", MATMUL / "infer_model", "--input", array, "--fetch", "matmul_v2_0.tmp_0", "--output_dir", self.folder)[0], 0)
        wanted = read_npy(self.folder / "matmul_v2_0.tmp_0.npy")
        self.assertEqual(skiff("run", self.folder / "cut", "--input", array, "--output_dir", self.folder)[0], 0)
        self.assertEqual(read_npy(self.folder / "matmul_v2_0.tmp_0.npy"), wanted)

    def test_halves_of_a_model_are_the_model(self):
        self.edit(LENET, self.folder / "head", "--cut", "pool2d_0.tmp_0")
        self.edit(LENET, self.folder / "tail", "--from", "pool2d_0.tmp_0")
        image = self.folder / "image.npy"
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }\n"
        pixels = b"".join(bytes([0, 0, 128 if i % 3 else 0, 63]) for i in range(784))  # 1 or 0.5
        image.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pixels)
        def run(model, feed):
            code, out, error = skiff("run", model, "--input", feed, "--output_dir", self.folder, "--json")
            self.assertEqual(code, 0, error)
            return json.loads(out)["outputs"][0]["file"]
        half = run(self.folder / "head", f"image={image}")
        halves = read_npy(run(self.folder / "tail", f"pool2d_0.tmp_0={half}"))[1]
        for together, whole in zip(halves, read_npy(run(LENET, f"image={image}"))[1]):
            self.assertAlmostEqual(together, whole, places=5)

    def test_renames_variables_everywhere(self):
        made = self.edit(LENET, self.folder / "x", "--rename", "image=picture", "--rename", "conv2d_0.w_0=zz.weight",
                         "--rename=save_infer_model/scale_0.tmp_0=digits")
        self.assertEqual((made["inputs"][0]["name"], made["outputs"][0]["name"]), ("picture", "digits"))
        code, out, _ = skiff("diff", LENET, self.folder / "x", "--run")
        self.assertEqual(code, 0, out)
        self.assertIn("conv2d_0.w_0 -> zz.weight", out)

    def test_renames_in_the_blocks_of_loops(self):
        source = GOLDEN / "static_control_flow" / "model"
        facts = json.loads(skiff("show", source, "--json")[1])
        name = facts["parameters"][0]["name"]
        self.edit(source, self.folder / "x", "--rename", f"{name}=other", "--rename", f"{facts['inputs'][0]['name']}=fed")
        code, out, error = skiff("diff", source, self.folder / "x", "--run")
        self.assertEqual(code, 0, out + error)
        self.assertNotIn(name.encode(), (self.folder / "x.pdmodel").read_bytes())

    def test_sets_an_inputs_shape_and_infers_what_follows(self):
        made = self.edit(LENET, self.folder / "x", "--shape", "image=8,1,28,28")
        self.assertEqual(made["outputs"][0]["shape"], [8, 10])
        made = self.edit(self.folder / "x", self.folder / "x", "--shape", "image=-1,1,28,28")
        self.assertEqual(made["outputs"][0]["shape"], [-1, 10])

    def test_what_is_not_possible_is_said_and_nothing_is_written(self):
        cases = [(["--cut", "pool2d_0.tmp"], 'did you mean "pool2d_0.tmp_0"'),
                 (["--cut", "conv2d_0.w_0"], "it is a parameter"),
                 (["--from", "pool2d_0.tmp_0", "--cut", "conv2d_0.tmp_0"], "is not needed"),
                 (["--rename", "imag=x"], 'did you mean "image"'),
                 (["--rename", "image=conv2d_0.w_0"], "of that name already"),
                 (["--rename", "conv2d_0.w_0=../../etc/passwd"], "leads out of the folder"),
                 (["--rename", "image"], "wanted OLD=NEW"),
                 (["--shape", "image=1,1,20,20"], "matmul_v2"),
                 (["--shape", "relu_0.tmp_0=1,6,28,28"], "is computed by relu"),
                 (["--shape", "image=-2,1,28,28"], "wanted NAME=EXTENT"),
                 (["--rename=image=x", "--cut=relu_0.tmp_0", "--cut=image=2"], "no variable"),
                 ([], "nothing to do")]
        for arguments, said in cases:
            with self.subTest(arguments=arguments):
                code, _, error = skiff("edit", LENET, self.folder / "x", *arguments)
                self.assertEqual(code, 2)
                self.assertIn(said, error)
        self.assertEqual(list(self.folder.iterdir()), [])
