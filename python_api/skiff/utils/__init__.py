"""Generated names. Source: paddle.utils."""
from . import unique_name  # noqa: F401


def run_check():
    """Multiplies two matrices on the default device and says whether the answer is right."""
    import numpy
    from .. import framework, static, tensor
    place = framework.default_place()
    main = static.Program()
    with static.program_guard(main, static.Program()):
        x = static.data("x", [2, 2])
        y = tensor.matmul(x, x)
    out = static.Executor(place).run(main, feed={"x": numpy.array([[1, 2], [3, 4]], "float32")}, fetch_list=[y])[0]
    if out.tolist() != [[7.0, 10.0], [15.0, 22.0]]:
        raise RuntimeError(f"skiff computes wrong products on {place}: {out.tolist()}")
    print(f"skiff works well on {place}.")
