"""paddle.utils: small helpers around programs."""
import math
import warnings

import numpy as np
import pytest
import skiff as paddle

utils, static = paddle.utils, paddle.static


def test_modules_are_imported_or_their_lack_is_said():
    assert utils.try_import("math") is math
    with pytest.raises(ImportError, match="pip install no_such_module"):
        utils.try_import("no_such_module")
    with pytest.raises(ImportError, match="^get it$"):
        utils.try_import("no_such_module", "get it")


def test_versions_are_those_of_the_paddle_that_is_followed():
    utils.require_version("2.5.0")
    utils.require_version("2.6.2", "2.6.2.0")
    for bounds in (("9.0.0",), ("2.0.0", "2.1.0")):
        with pytest.raises(Exception, match="is required; this skiff follows 2.6.2"):
            utils.require_version(*bounds)
    with pytest.raises(ValueError, match="'2.x' was given"):
        utils.require_version("2.x")
    with pytest.raises(TypeError, match="int"):
        utils.require_version(2)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_deprecated_function_says_so_as_loud_as_asked(level):
    @utils.deprecated(update_to="new", since="2.0", level=level)
    def old(x):
        """Doubles."""
        return 2 * x

    assert "is deprecated since 2.0; use new" in old.__doc__ and "Doubles." in old.__doc__
    if level == 2:
        with pytest.raises(RuntimeError, match="use new"):
            old(3)
    elif level == 1:
        with pytest.warns(DeprecationWarning, match="use new"):
            assert old(3) == 6
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert old(3) == 6


def test_spectral_norm_divides_by_the_largest_singular_value(exe):
    weight = np.random.RandomState(0).randn(2, 5, 3).astype("float32")
    w = static.data("w", weight.shape)
    out = paddle.nn.SpectralNorm(weight.shape, dim=1, power_iters=60)(w)
    exe.run(static.default_startup_program())
    matrix = np.moveaxis(weight, 1, 0).reshape(5, -1)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(exe.run(feed={"w": weight}, fetch_list=[out])[0], weight / largest, rtol=1e-4)
