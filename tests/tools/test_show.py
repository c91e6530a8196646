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
        self.assertIn('"imag", which is no input\n  did you mean "image"?', error)
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
        self.assertEqual((code, out), (3, ""))
        self.assertIn("cut.pdmodel", error)
