import json
import os
import resource
import subprocess
import time

from tool import GOLDEN, TOOL, ToolTest, skiff

LENET = GOLDEN / "seed_lenet_hapi" / "inference_model"

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

    def test_a_flag_of_another_command_is_a_mistake(self):
        for arguments in (("show", LENET, "--rtol", "1"), ("verify", LENET, "--dot"), ("diff", LENET, LENET, "--protocol=2"),
                          ("run", LENET, "--to", "npz"), ("show", LENET, "--flagfile=x")):
            with self.subTest(arguments=arguments):
                code, out, error = skiff(*arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(f"{arguments[0]} has no flag --", error)

    def test_numbers_that_cannot_be_are_mistakes(self):
        for arguments in (("bench", LENET, "--threads", "-1"), ("bench", LENET, "--repeat", "-1"), ("diff", LENET, LENET, "--rtol", "-1"),
                          ("edit", LENET, self.folder / "out", "--shape", "image=99999999999999999999,1,28,28")):
            with self.subTest(arguments=arguments):
                self.assertEqual(skiff(*arguments)[0], 2)

    def test_an_empty_name_is_a_name(self):
        code, _, error = skiff("show", "")
        self.assertEqual(code, 2)
        self.assertIn('no file ""', error)

    def test_files_may_be_called_like_flags_and_commands(self):
        for name in ("-x", "help", "show"):
            (self.folder / name).write_bytes((GOLDEN / "binary_format" / "f32.bin").read_bytes())
            for arguments in (["show", "--", name], ["show", "--json", "--", name], ["verify", f"./{name}"]):
                with self.subTest(arguments=arguments):
                    done = subprocess.run([TOOL, *arguments], cwd=self.folder, capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertNotIn("usage", done.stdout)

    def test_says_which_choices_there_are(self):
        self.assertIn("there are show, verify,", skiff("--json")[2])
        self.assertIn("there are model, folder,", skiff("convert", LENET, "x", "--to", "?????")[2])
        self.assertIn("there are image", skiff("show", LENET, "--shape", "quite_another=1")[2])

    def test_pipes_and_devices_are_no_files(self):
        os.mkfifo(self.folder / "pipe")
        for name in (self.folder / "pipe", "/dev/zero", "/dev/null"):
            with self.subTest(name=name):
                code, _, error = skiff("show", name)
                self.assertEqual(code, 2)
                self.assertIn("pipe or device", error)

    def test_a_model_of_pipes_and_devices_is_refused_at_once(self):
        prefix = self.copy("seed_lenet_hapi/inference_model")
        parameters = self.folder / "model.pdiparams"
        parameters.unlink()
        os.mkfifo(parameters)
        self.assertIn("pipe or device", skiff("show", parameters)[2])
        self.assertEqual(skiff("run", prefix, "--input", f"image={GOLDEN}/seed_lenet_hapi/io.npz:in_0__image")[0], 2)
        parameters.unlink()
        parameters.symlink_to("/dev/zero")
        self.assertEqual(skiff("run", prefix, "--input", f"image={GOLDEN}/seed_lenet_hapi/io.npz:in_0__image")[0], 2)

    def test_an_answer_that_cannot_be_written_is_trouble(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL, "show", LENET], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("output cannot be written", done.stderr)
        for arguments in (["show", LENET], ["convert", LENET, self.folder / "x.npz"], ["--help"]):
            closed = subprocess.run([TOOL, *map(str, arguments)], preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE, text=True)
            self.assertEqual(closed.returncode, 2)
        self.assertEqual(skiff("diff", LENET, self.folder / "x.npz")[0], 0)  # no message went into it

    def test_a_file_that_may_not_grow_is_a_full_disk(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
        done = subprocess.run([TOOL, "convert", LENET, self.folder / "x.npz"], preexec_fn=limited, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_file_that_is_shortened_meanwhile_is_trouble_and_no_crash(self):
        header = b'{"w":{"dtype":"F32","shape":[250000000],"data_offsets":[0,1000000000]}}'
        path = self.folder / "x.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        os.truncate(path, 8 + len(header) + 1000000000)
        reader = subprocess.Popen([TOOL, "convert", path, self.folder / "x.npz"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.1)
        os.truncate(path, 100)
        error = reader.communicate()[1]
        self.assertIn(reader.returncode, (0, 2), error)  # 0 where it was faster

    def test_without_descriptors_it_says_so(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
        prefix = self.copy("seed_lenet_hapi/inference_model")
        done = subprocess.run([TOOL, "convert", prefix, self.folder / "x"], preexec_fn=limited, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Too many open files", done.stderr)


class NamesOfStrangers(ToolTest):
    """A variable is called what no terminal should be told."""
    NAME = b"conv2d_0\x7f\n\xc2\x9b"  # as long as conv2d_0.w_0, and in its place among the sorted names

    def setUp(self):
        super().setUp()
        self.prefix = self.copy("seed_lenet_hapi/inference_model")
        program = self.folder / "model.pdmodel"
        program.write_bytes(program.read_bytes().replace(b"conv2d_0.w_0", self.NAME).replace(b"image", b"\x1b[2Ji"))

    def test_reach_the_terminal_spelled_out(self):
        for arguments in (["show", self.prefix], ["show", self.prefix, "--dot"], ["show", self.prefix, "--json"], ["verify", self.prefix],
                          ["diff", self.prefix, LENET], ["diff", self.prefix, LENET, "--json"], ["run", self.prefix],
                          ["strip", self.prefix, self.folder / "out"],
                          ["edit", self.prefix, self.folder / "out", "--cut", "pool2d_0.tmp"], ["show", self.folder / "model.pdiparams"]):
            with self.subTest(arguments=arguments):
                done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True)
                for text in (done.stdout, done.stderr):
                    self.assertNotRegex(text, rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
                self.assertNotIn(b"\n\\xc2", done.stdout)  # one name, one line

    def test_are_json_like_any_other(self):
        names = [parameter["name"] for parameter in json.loads(skiff("show", self.prefix, "--json")[1])["parameters"]]
        self.assertIn(self.NAME.decode(), names)

    def test_can_be_given_back(self):
        self.assertEqual(skiff("edit", self.prefix, self.folder / "out", "--rename", self.NAME.decode() + "=w")[0], 0)
        self.assertIn("\n  w ", skiff("show", self.folder / "out")[1])
