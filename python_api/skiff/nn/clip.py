"""Limits on gradients, given to an optimizer as grad_clip."""


class ClipGradByValue:
    """Each element is kept within [min, max]; min is -max where None. Source: paddle.nn.ClipGradByValue."""

    def __init__(self, max, min=None):  # noqa: A002
        if min is None:
            if not max > 0:
                raise ValueError(f"max must be positive where min is None, {max} was given")
            min = -max
        self.max, self.min = float(max), float(min)

    def __repr__(self):
        return f"Clip Gradient By Value, min = {self.min:f}, max={self.max:f}"


class ClipGradByNorm:
    """Each gradient is scaled down to the norm clip_norm. Source: paddle.nn.ClipGradByNorm."""

    def __init__(self, clip_norm):
        self.clip_norm = float(clip_norm)

    def __repr__(self):
        return f"Gradient Clip By Norm, clip_norm={self.clip_norm:f}"


class ClipGradByGlobalNorm:
    """All gradients together are scaled down to the norm clip_norm. Source: paddle.nn.ClipGradByGlobalNorm."""

    def __init__(self, clip_norm, group_name="default_group", auto_skip_clip=False):
        self.clip_norm = float(clip_norm)
        self.group_name = group_name
        self.auto_skip_clip = auto_skip_clip

    def __repr__(self):
        return f"Gradient Clip By GlobalNorm, global_norm={self.clip_norm:f}"
