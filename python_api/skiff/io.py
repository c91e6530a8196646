"""Batches of samples (source: paddle.io), checkpoints of training, and state dicts in files of other frameworks."""
from .checkpoint import Checkpoint, Resumed  # noqa: F401
from .state_files import load_npz, load_safetensors, save_npz, save_safetensors  # noqa: F401


class Dataset:
    """Samples by number: subclasses give __getitem__ and __len__. Source: paddle.io.Dataset."""

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} has no __len__")
