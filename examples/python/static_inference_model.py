"""Saves what inference needs of a program, loads it and runs it."""
import tempfile

import numpy as np
import skiff as paddle

paddle.enable_static()
main, startup = paddle.static.Program(), paddle.static.Program()
with paddle.static.program_guard(main, startup):
    image = paddle.static.data("img", [64, 784])
    weight = paddle.create_parameter([784, 200], "float32")
    bias = paddle.create_parameter([200], "float32")
    hidden = paddle.add(paddle.matmul(image, weight), bias)

executor = paddle.static.Executor(paddle.CPUPlace())
executor.run(startup)
feed = {"img": np.random.default_rng(1).random((64, 784), dtype="float32")}
wanted, = executor.run(main, feed=feed, fetch_list=[hidden])

with tempfile.TemporaryDirectory() as folder:
    prefix = folder + "/infer_model"
    with paddle.static.program_guard(main, startup):
        paddle.static.save_inference_model(prefix, [image], [hidden], executor)
    program, feeds, fetches = paddle.static.load_inference_model(prefix, executor)

got, = executor.run(program, feed={feeds[0]: feed["img"]}, fetch_list=fetches)
assert got.shape == (64, 200) and np.allclose(got, wanted, rtol=1e-5), "the loaded model gives another answer"
print("inputs", feeds, "output", got.shape)
