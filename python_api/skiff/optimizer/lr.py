"""Learning rates that change with steps. Source: paddle.optimizer.lr.

Example:
    >>> import skiff as paddle
    >>> rate = paddle.optimizer.lr.StepDecay(0.5, step_size=2, gamma=0.1)
    >>> for _ in range(2):
    ...     rate.step()
    >>> rate()
    0.05
"""
from .. import _core

__all__ = ["CosineAnnealingDecay", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialDecay", "InverseTimeDecay",
           "LRScheduler", "LambdaDecay", "LinearLR", "LinearWarmup", "MultiStepDecay", "MultiplicativeDecay", "NaturalExpDecay",
           "NoamDecay", "OneCycleLR", "PiecewiseDecay", "PolynomialDecay", "ReduceOnPlateau", "StepDecay"]


class LRScheduler:
    """A rate as a function of steps. Subclasses give get_lr, which may use last_epoch, last_lr and base_lr.

    Source: paddle.optimizer.lr.LRScheduler.
    """

    _scheduler = None

    def __init__(self, learning_rate=0.1, last_epoch=-1, verbose=False):
        if not isinstance(learning_rate, (float, int)):
            raise TypeError(f"The type of learning rate must be float, but received {type(learning_rate)}")
        if learning_rate < 0:
            raise ValueError(f"Invalid learning rate: {learning_rate}")
        self.base_lr = self._last_lr = float(learning_rate)
        self.verbose = verbose
        self._epoch = last_epoch
        self._scheduler = _core.lr_lambda(1.0, self._rate_at, last_epoch)

    def _rate_at(self, epoch):
        self._epoch = epoch
        self._last_lr = float(self.get_lr())
        return self._last_lr

    @property
    def last_epoch(self):
        """Steps taken."""
        return self._epoch if self._scheduler is None else self._scheduler.last_epoch if self._builtin else self._epoch

    @property
    def last_lr(self):
        """The rate now."""
        return self._scheduler.value if self._builtin else self._last_lr

    _builtin = False

    def __call__(self):
        return self.last_lr

    def get_lr(self):
        """The rate at last_epoch."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def step(self, epoch=None):
        """One step on, or to a given step."""
        if epoch is None:
            self._scheduler.step()
        else:
            self._scheduler.step_to(epoch)
        if self.verbose:
            print(f"Epoch {self.last_epoch}: {type(self).__name__} set learning rate to {self.last_lr}.")

    def state_dict(self):
        """What the scheduler must remember to go on where it stopped."""
        state = {}
        for key, value in self._scheduler.save().items():  # "LinearWarmup_LR.last_lr" belongs to an inner scheduler
            *outer, name = key.split(".")
            into = state
            for part in outer:
                into = into.setdefault(part, {})
            into[name] = int(value) if name == "last_epoch" else value
        state["last_epoch"] = int(self.last_epoch)
        return state

    def set_state_dict(self, state_dict):
        """Goes on where state_dict was taken."""
        self._scheduler.restore(_flat(state_dict))
        self._epoch, self._last_lr = self._scheduler.last_epoch, self._scheduler.value

    set_dict = set_state_dict


def _flat(state, prefix=""):
    flat = {}
    for key, value in state.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        elif isinstance(value, (int, float)):
            flat[prefix + key] = float(value)
    return flat


class _Builtin(LRScheduler):
    _builtin = True

    def _hold(self, scheduler, base_lr, verbose):
        self._scheduler, self.base_lr, self.verbose = scheduler, base_lr, verbose

    def get_lr(self):
        """The rate now."""
        return self.last_lr


def _rate(value):
    if not isinstance(value, (float, int)):
        raise TypeError(f"The type of learning rate must be float, but received {type(value)}")
    return float(value)


class NoamDecay(_Builtin):
    """lr * d_model^-0.5 * min(t^-0.5, t * warmup_steps^-1.5). Vaswani et al. 2017."""

    def __init__(self, d_model, warmup_steps, learning_rate=1.0, last_epoch=-1, verbose=False):
        self._hold(_core.lr_noam(d_model, warmup_steps, _rate(learning_rate), last_epoch), learning_rate, verbose)


class PiecewiseDecay(_Builtin):
    """values[i] below boundaries[i], then the last value."""

    def __init__(self, boundaries, values, last_epoch=-1, verbose=False):
        self._hold(_core.lr_piecewise(boundaries, values, last_epoch), values[0], verbose)


class NaturalExpDecay(_Builtin):
    """lr * exp(-gamma * t)."""

    def __init__(self, learning_rate, gamma, last_epoch=-1, verbose=False):
        self._hold(_core.lr_natural_exp(_rate(learning_rate), gamma, last_epoch), learning_rate, verbose)


class InverseTimeDecay(_Builtin):
    """lr / (1 + gamma * t)."""

    def __init__(self, learning_rate, gamma, last_epoch=-1, verbose=False):
        self._hold(_core.lr_inverse_time(_rate(learning_rate), gamma, last_epoch), learning_rate, verbose)


class PolynomialDecay(_Builtin):
    """(lr - end_lr) * (1 - t / decay_steps)^power + end_lr; with `cycle` again and again, over longer stretches."""

    def __init__(self, learning_rate, decay_steps, end_lr=0.0001, power=1.0, cycle=False, last_epoch=-1, verbose=False):
        self._hold(_core.lr_polynomial(_rate(learning_rate), decay_steps, end_lr, power, cycle, last_epoch), learning_rate,
                   verbose)


class LinearWarmup(_Builtin):
    """From start_lr to end_lr in warmup_steps, then learning_rate, a number or a scheduler."""

    def __init__(self, learning_rate, warmup_steps, start_lr, end_lr, last_epoch=-1, verbose=False):
        if not isinstance(learning_rate, (float, int, LRScheduler)):
            raise TypeError(f"the type of learning_rate should be [int, float or LRScheduler], got {learning_rate}")
        after = learning_rate._scheduler if isinstance(learning_rate, LRScheduler) else float(learning_rate)
        self.learning_rate = learning_rate
        self._hold(_core.lr_warmup(after, warmup_steps, start_lr, end_lr, last_epoch), start_lr, verbose)


class ExponentialDecay(_Builtin):
    """lr * gamma^t."""

    def __init__(self, learning_rate, gamma, last_epoch=-1, verbose=False):
        self._hold(_core.lr_exponential(_rate(learning_rate), gamma, last_epoch), learning_rate, verbose)


class MultiStepDecay(_Builtin):
    """lr * gamma^(milestones passed)."""

    def __init__(self, learning_rate, milestones, gamma=0.1, last_epoch=-1, verbose=False):
        self._hold(_core.lr_multi_step(_rate(learning_rate), list(milestones), gamma, last_epoch), learning_rate, verbose)


class StepDecay(_Builtin):
    """lr * gamma^floor(t / step_size)."""

    def __init__(self, learning_rate, step_size, gamma=0.1, last_epoch=-1, verbose=False):
        self._hold(_core.lr_step(_rate(learning_rate), step_size, gamma, last_epoch), learning_rate, verbose)


class LambdaDecay(_Builtin):
    """lr * lr_lambda(t)."""

    def __init__(self, learning_rate, lr_lambda, last_epoch=-1, verbose=False):
        self._hold(_core.lr_lambda(_rate(learning_rate), lr_lambda, last_epoch), learning_rate, verbose)


class MultiplicativeDecay(_Builtin):
    """lr * lr_lambda(1) * ... * lr_lambda(t)."""

    def __init__(self, learning_rate, lr_lambda, last_epoch=-1, verbose=False):
        self._hold(_core.lr_multiplicative(_rate(learning_rate), lr_lambda, last_epoch), learning_rate, verbose)


class CosineAnnealingDecay(_Builtin):
    """Half a cosine from lr to eta_min in T_max steps, and back. Loshchilov and Hutter 2017."""

    def __init__(self, learning_rate, T_max, eta_min=0, last_epoch=-1, verbose=False):  # noqa: N803
        self._hold(_core.lr_cosine(_rate(learning_rate), T_max, eta_min, last_epoch), learning_rate, verbose)


class CosineAnnealingWarmRestarts(_Builtin):
    """Half cosines of T_0, T_0 * T_mult, ... steps, each from lr to eta_min. Loshchilov and Hutter 2017."""

    def __init__(self, learning_rate, T_0, T_mult=1, eta_min=0, last_epoch=-1, verbose=False):  # noqa: N803
        self._hold(_core.lr_warm_restarts(_rate(learning_rate), T_0, T_mult, eta_min, last_epoch), learning_rate, verbose)


class LinearLR(_Builtin):
    """From lr * start_factor to lr * end_factor in total_steps."""

    def __init__(self, learning_rate, total_steps, start_factor=1.0 / 3, end_factor=1.0, last_epoch=-1, verbose=False):
        self._hold(_core.lr_linear(_rate(learning_rate), total_steps, start_factor, end_factor, last_epoch), learning_rate,
                   verbose)


class OneCycleLR(_Builtin):
    """Up to max_learning_rate and down again in total_steps. Smith and Topin 2018."""

    def __init__(self, max_learning_rate, total_steps, divide_factor=25.0, end_learning_rate=0.0001, phase_pct=0.3,
                 anneal_strategy="cos", three_phase=False, last_epoch=-1, verbose=False):
        self._hold(_core.lr_one_cycle(_rate(max_learning_rate), total_steps, divide_factor, end_learning_rate, phase_pct,
                                      anneal_strategy, three_phase, last_epoch), max_learning_rate / divide_factor, verbose)


class CyclicLR(_Builtin):
    """Triangles between two rates. Smith 2017."""

    def __init__(self, base_learning_rate, max_learning_rate, step_size_up, step_size_down=None, mode="triangular", exp_gamma=1.0,
                 scale_fn=None, scale_mode="cycle", last_epoch=-1, verbose=False):
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError("'scale_mode' must be one of 'cycle' or 'iterations")
        self._hold(_core.lr_cyclic(_rate(base_learning_rate), _rate(max_learning_rate), step_size_up, step_size_down, mode,
                                   exp_gamma, scale_fn, scale_mode == "cycle", last_epoch), base_learning_rate, verbose)


class ReduceOnPlateau(_Builtin):
    """Falls when a metric stops getting better."""

    def __init__(self, learning_rate, mode="min", factor=0.1, patience=10, threshold=0.0001, threshold_mode="rel", cooldown=0,
                 min_lr=0, epsilon=1e-08, verbose=False):
        self._hold(_core.Plateau(_rate(learning_rate), mode, factor, patience, threshold, threshold_mode, cooldown, min_lr,
                                 epsilon), learning_rate, verbose)

    def step(self, metrics, epoch=None):
        """One step on, having measured a metric, a number or an array of one."""
        if epoch is not None:
            raise NotImplementedError("ReduceOnPlateau: epoch is not supported; leave it None")
        self._scheduler.step_metric(float(metrics.item() if hasattr(metrics, "item") else metrics))
