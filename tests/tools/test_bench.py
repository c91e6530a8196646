import json

from tool import GOLDEN, ToolTest, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"


class Bench(ToolTest):
    def test_measures_loading_the_first_run_and_the_others(self):
        code, out, error = skiff("bench", LENET, "--repeat", "5", "--threads", "1", "--json",
                                 "--shape", "image=3,1,28,28")
        self.assertEqual(code, 0, error)
        times = json.loads(out)
        self.assertEqual(times["runs"], 5)
        self.assertEqual(times["inputs"]["image"], [3, 1, 28, 28])
        self.assertGreater(times["load_ms"], 0)
        self.assertGreater(times["first_ms"], 0)
        self.assertLessEqual(times["min_ms"], times["median_ms"])
        self.assertLessEqual(times["median_ms"], times["p90_ms"])

    def test_takes_an_unknown_extent_as_one(self):
        times = json.loads(skiff("bench", LENET, "--repeat", "1", "--json")[1])
        self.assertEqual(times["inputs"]["image"], [1, 1, 28, 28])

    def test_names_the_input_meant(self):
        code, _, error = skiff("bench", LENET, "--shape", "imag=1,1,28,28")
        self.assertEqual(code, 2)
        self.assertIn('did you mean "image"?', error)
