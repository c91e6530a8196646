"""Saves a static program and its parameters, forgets the parameters, loads both and computes the same again."""
import tempfile

import numpy as np
import skiff as paddle

paddle.enable_static()
x = paddle.static.data("x", [None, 224])
z = paddle.static.nn.fc(x, 10)
program = paddle.static.default_main_program()
startup = paddle.static.default_startup_program()

executor = paddle.static.Executor(paddle.CPUPlace())
executor.run(startup)
feed = {"x": np.linspace(0, 1, 3 * 224, dtype="float32").reshape(3, 224)}
before, = executor.run(program, feed=feed, fetch_list=[z])

with tempfile.TemporaryDirectory() as folder:
    paddle.save(program.state_dict(), folder + "/model.pdparams")
    paddle.save(program, folder + "/model.pdmodel")
    executor.run(startup)  # draws the parameters anew
    loaded = paddle.load(folder + "/model.pdmodel")
    loaded.set_state_dict(paddle.load(folder + "/model.pdparams"))

after, = executor.run(loaded, feed=feed, fetch_list=[z.name])
assert np.array_equal(before, after), "the loaded parameters give another answer"
print(z.name, after.shape, "the same as before")
