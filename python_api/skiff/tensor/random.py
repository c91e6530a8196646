"""Random tensors."""
from .. import _core
from ..framework import get_default_dtype
from ._ops import dtype_code, layer, shape_inputs

__all__ = ["bernoulli", "normal", "rand", "randint", "randn", "randperm", "standard_normal", "uniform"]


def uniform(shape, dtype=None, min=-1.0, max=1.0, seed=0, name=None):  # noqa: A002
    """Uniform numbers in [min, max). `seed` 0 takes the program's. Source: paddle.uniform."""
    dtype = dtype or get_default_dtype()
    inputs, attribute = shape_inputs(shape, "ShapeTensor", "ShapeTensorList")
    attrs = {"shape": attribute, "min": float(min), "max": float(max), "seed": seed, "dtype": dtype_code(dtype)}
    return layer("uniform_random", inputs, "Out", attrs, layer="uniform", name=name, dtype=dtype, stopped=["Out"])


def rand(shape, dtype=None, name=None):
    """Uniform numbers in [0, 1). Source: paddle.rand."""
    return uniform(shape, dtype, 0.0, 1.0, name=name)


def _gaussian(shape, mean, std, dtype, name):
    dtype = dtype or get_default_dtype()
    inputs, attribute = shape_inputs(shape, "ShapeTensor", "ShapeTensorList")
    attrs = {"shape": attribute, "mean": float(mean), "std": float(std), "seed": 0, "dtype": dtype_code(dtype)}
    return layer("gaussian_random", inputs, "Out", attrs, layer="gaussian", name=name, dtype=dtype, stopped=["Out"])


def standard_normal(shape, dtype=None, name=None):
    """Normal numbers of mean 0 and standard deviation 1. Source: paddle.standard_normal."""
    return _gaussian(shape, 0.0, 1.0, dtype, name)


def randn(shape, dtype=None, name=None):
    """`standard_normal`. Source: paddle.randn."""
    return standard_normal(shape, dtype, name)


def normal(mean=0.0, std=1.0, shape=None, name=None):
    """Normal numbers; mean and std may be variables, whose shape the result takes. Source: paddle.normal."""
    if isinstance(mean, _core.Variable) or isinstance(std, _core.Variable):
        from .manipulation import cast, reshape, shape as shape_of
        if isinstance(mean, _core.Variable) and isinstance(std, _core.Variable):
            std = std if std.dtype == mean.dtype else cast(std, mean.dtype)
            std = reshape(std, shape_of(mean))
        like = mean if isinstance(mean, _core.Variable) else std
        return standard_normal(shape_of(like), like.dtype, name) * std + mean
    return _gaussian(shape, mean, std, None, name)


def randint(low=0, high=None, shape=[1], dtype=None, name=None):  # noqa: B006  Paddle's default
    """Whole numbers in [low, high), or [0, low) where high is None. Source: paddle.randint."""
    if high is None:
        low, high = 0, low
    dtype = dtype or "int64"
    inputs, attribute = shape_inputs(shape, "ShapeTensor", "ShapeTensorList")
    attrs = {"shape": attribute, "low": low, "high": high, "seed": 0, "dtype": dtype_code(dtype)}
    return layer("randint", inputs, "Out", attrs, name=name, dtype=dtype, stopped=["Out"])


def randperm(n, dtype="int64", name=None):
    """0 ... n - 1 in random order. Source: paddle.randperm."""
    return layer("randperm", {}, "Out", {"n": n, "dtype": dtype_code(dtype)}, name=name, dtype=dtype, stopped=["Out"])


def bernoulli(x, name=None):
    """1 with probability x, else 0. Source: paddle.bernoulli."""
    return layer("bernoulli", {"X": x}, layer="randint", name=name)
