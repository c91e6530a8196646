import json
import zipfile

from tool import GOLDEN, ToolTest, read_npy, skiff

CASE = GOLDEN / "seed_matmul_add"


class Run(ToolTest):
    def run_model(self, *arguments):
        return skiff("run", CASE / "infer_model", "--input", f"img={CASE}/io.npz:{self.input}", *arguments)

    def setUp(self):
        super().setUp()
        with zipfile.ZipFile(CASE / "io.npz") as archive:
            names = [name[:-len(".npy")] for name in archive.namelist()]
            self.input = next(name for name in names if name.startswith("in_0"))
            self.wanted = read_npy(archive.read("out_0.npy"))

    def test_computes_what_paddle_computed(self):
        code, out, error = self.run_model("--output_dir", self.folder)
        self.assertEqual(code, 0, error)
        self.assertIn("float32 [64, 200]", out)
        written, = self.folder.glob("*.npy")
        shape, values = read_npy(written)
        self.assertEqual(shape, self.wanted[0])
        for got, want in zip(values, self.wanted[1]):
            self.assertAlmostEqual(got, want, delta=5e-5 + 1e-4 * abs(want))

    def test_fetches_a_variable_in_the_middle(self):
        code, out, error = self.run_model("--fetch", "matmul_v2_0.tmp_0")
        self.assertEqual(code, 0, error)
        self.assertTrue(out.startswith("matmul_v2_0.tmp_0: float32 [64, 200]"), out)

    def test_two_results_of_one_file_name_are_refused(self):
        code, _, error = self.run_model("--output_dir", self.folder, "--fetch", "matmul_v2_0.tmp_0", "--fetch", "matmul_v2_0.tmp_0")
        self.assertEqual(code, 2)
        self.assertIn("one at a time", error)

    def test_lists_results_and_their_files_in_json(self):
        code, out, error = self.run_model("--output_dir", self.folder, "--json")
        self.assertEqual(code, 0, error)
        result, = json.loads(out)["outputs"]
        self.assertEqual((result["dtype"], result["shape"]), ("float32", [64, 200]))
        self.assertEqual(read_npy(result["file"])[0], (64, 200))

    def test_says_what_the_model_wants(self):
        code, _, error = skiff("run", CASE / "infer_model")
        self.assertEqual(code, 2)
        self.assertIn("--input img=FILE.npy   (float32 [64, 784])", error)

    def test_rejects_an_array_that_is_not_there(self):
        code, _, error = skiff("run", CASE / "infer_model", "--input", f"img={CASE}/io.npz:nothing")
        self.assertEqual(code, 2)
        self.assertIn('no array "nothing"', error)
