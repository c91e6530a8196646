from tool import GOLDEN, ToolTest, skiff

COMMANDS = ("show", "verify", "diff", "convert", "strip", "edit", "run", "bench")


class Usage(ToolTest):
    def test_help_lists_the_commands(self):
        code, out, _ = skiff("--help")
        self.assertEqual(code, 0)
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", out)

    def test_each_command_explains_itself(self):
        for command in COMMANDS:
            code, out, _ = skiff(command, "--help")
            self.assertEqual(code, 0)
            self.assertIn(f"usage: skiff {command}", out)
            self.assertIn("example: skiff", out)

    def test_nothing_at_all_is_a_mistake_that_gets_help(self):
        code, _, error = skiff()
        self.assertEqual(code, 2)
        self.assertIn("usage:", error)

    def test_suggests_the_command_meant(self):
        code, _, error = skiff("verfy", "x")
        self.assertEqual(code, 2)
        self.assertIn('did you mean "verify"?', error)

    def test_rejects_an_unknown_flag(self):
        self.assertEqual(skiff("show", "--colour", "x")[0], 2)

    def test_rejects_a_shape_that_is_none(self):
        for shape in ("image", "image=1,,2", "image=1,a", "image=-1", "image=1,2,"):
            with self.subTest(shape=shape):
                code, _, error = skiff("show", GOLDEN / "seed_lenet_hapi" / "inference_model", "--shape", shape)
                self.assertEqual(code, 2)
                self.assertIn("wanted NAME=EXTENT", error)

    def test_a_file_that_is_missing_is_unreadable(self):
        code, _, error = skiff("show", "no/such/file")
        self.assertEqual(code, 2)
        self.assertIn("no/such/file", error)
