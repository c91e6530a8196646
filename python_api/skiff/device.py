"""Which device is meant where none is named."""
from ._core import cuda_device_count as _count
from ._core import is_compiled_with_cuda  # noqa: F401
from .framework import get_device, set_device  # noqa: F401


class cuda:  # noqa: N801  Paddle's name
    """CUDA cards."""

    @staticmethod
    def device_count():
        """Number of cards that can be used."""
        return _count()
