"""Optimizers: backward, clipping, penalties and one update operator per parameter. Source: paddle.optimizer."""
from .. import _core
from . import lr  # noqa: F401

__all__ = ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lamb", "Momentum", "Optimizer", "RMSProp", "SGD", "lr"]


class Optimizer:
    """What all optimizers are. Source: paddle.optimizer.Optimizer."""

    _core = None

    def _start(self, parameters, core, multi_precision=False):
        """multi_precision: half parameters are updated through float32 copies, "<parameter>_fp32_master_<n>"."""
        self._parameters, self._core = parameters, core
        core.multi_precision = bool(multi_precision)

    def minimize(self, loss, startup_program=None, parameters=None, no_grad_set=None):
        """Appends everything that one step of training needs to the loss's program.

        Args:
            loss (Variable): one element.
            startup_program (Program): receives what fills the optimizer's state; the default one where None.
            parameters (list): variables or names; all trainable parameters where None.
            no_grad_set (set): variables, or names, that gradients do not pass through.

        Returns:
            (list, list): the update operators; pairs of parameter and gradient.

        Source: paddle.optimizer.Optimizer.minimize.
        """
        before = len(loss.block.program.global_block().ops)
        pairs = self._core.minimize(loss, startup_program, parameters or self._parameters, no_grad_set)
        return self._updates(loss.block.program, before), pairs

    def backward(self, loss, startup_program=None, parameters=None, no_grad_set=None, callbacks=None):
        """Appends the gradient operators of a loss. Returns pairs of parameter and gradient."""
        return self._core.backward(loss, startup_program, parameters or self._parameters, no_grad_set)

    def apply_gradients(self, params_grads):
        """Appends clipping, penalties and updates to the default main program. Returns the update operators."""
        program = _core.default_main_program()
        before = len(program.global_block().ops)
        self._core.apply_gradients([tuple(pair) for pair in params_grads])
        return self._updates(program, before)

    def _updates(self, program, before):
        return [op for op in program.global_block().ops[before:] if "LearningRate" in op.input_names]

    def get_lr(self):
        """The learning rate of the next run."""
        return self._core.learning_rate

    def set_lr(self, value):
        """Sets the learning rate, in the current scope too.

        Raises:
            RuntimeError: the rate comes from a scheduler.
        """
        self._core.set_learning_rate(float(value))


class SGD(Optimizer):
    """p -= lr * gradient. Source: paddle.optimizer.SGD."""

    def __init__(self, learning_rate=0.001, parameters=None, weight_decay=None, grad_clip=None, multi_precision=False, name=None):
        self._start(parameters, _core.make_sgd(learning_rate, weight_decay, grad_clip), multi_precision)


class Momentum(Optimizer):
    """v = momentum * v + gradient; p -= lr * v, or lr * (gradient + momentum * v). Source: paddle.optimizer.Momentum."""

    def __init__(self, learning_rate=0.001, momentum=0.9, parameters=None, use_nesterov=False, weight_decay=None, grad_clip=None,
                 multi_precision=False, rescale_grad=1.0, use_multi_tensor=False, name=None):
        if momentum is None:
            raise ValueError("momentum is not set")
        core = _core.make_momentum(learning_rate, momentum, use_nesterov, weight_decay, grad_clip, rescale_grad)
        self._start(parameters, core, multi_precision)


class Adam(Optimizer):
    """Kingma and Ba 2015. Source: paddle.optimizer.Adam."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, parameters=None, weight_decay=None,
                 grad_clip=None, lazy_mode=False, multi_precision=False, use_multi_tensor=False, name=None):
        _check_betas(beta1, beta2, epsilon)
        core = _core.make_adam(learning_rate, beta1, beta2, epsilon, weight_decay, grad_clip, lazy_mode)
        self._start(parameters, core, multi_precision)


class AdamW(Optimizer):
    """Adam whose decay bypasses the moments. Loshchilov and Hutter 2019. Source: paddle.optimizer.AdamW.

    Args:
        lr_ratio (callable): of a parameter; a factor on the rate.
        apply_decay_param_fun (callable): of a parameter's name; whether it decays.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, parameters=None, weight_decay=0.01,
                 lr_ratio=None, apply_decay_param_fun=None, grad_clip=None, lazy_mode=False, multi_precision=False, name=None):
        _check_betas(beta1, beta2, epsilon)
        if not isinstance(weight_decay, (int, float)):
            raise TypeError("weight_decay should be float or Tensor.")
        ratio = None if lr_ratio is None else \
            lambda name: lr_ratio(_core.default_main_program().global_block().var(name))
        core = _core.make_adamw(learning_rate, beta1, beta2, epsilon, float(weight_decay), grad_clip, lazy_mode,
                                apply_decay_param_fun, ratio)
        self._start(parameters, core, multi_precision)


class Adagrad(Optimizer):
    """m += gradient^2; p -= lr * gradient / (sqrt(m) + epsilon). Duchi et al. 2011. Source: paddle.optimizer.Adagrad."""

    def __init__(self, learning_rate, epsilon=1e-06, parameters=None, weight_decay=None, grad_clip=None, name=None,
                 initial_accumulator_value=0.0):
        self._start(parameters, _core.make_adagrad(learning_rate, epsilon, weight_decay, grad_clip, initial_accumulator_value))


class Adadelta(Optimizer):
    """Steps as large as the running means of squared steps and gradients say. Zeiler 2012. Source: paddle.optimizer.Adadelta."""

    def __init__(self, learning_rate=0.001, epsilon=1e-06, rho=0.95, parameters=None, weight_decay=None, grad_clip=None, name=None):
        for option, value in (("learning_rate", learning_rate), ("epsilon", epsilon), ("rho", rho)):
            if value is None:
                raise ValueError(f"{option} is not set.")
        self._start(parameters, _core.make_adadelta(learning_rate, epsilon, rho, weight_decay, grad_clip))


class Adamax(Optimizer):
    """Adam by the infinity norm. Kingma and Ba 2015, section 7. Source: paddle.optimizer.Adamax."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, parameters=None, weight_decay=None,
                 grad_clip=None, name=None):
        _check_betas(beta1, beta2, epsilon)
        self._start(parameters, _core.make_adamax(learning_rate, beta1, beta2, epsilon, weight_decay, grad_clip))


class RMSProp(Optimizer):
    """Steps over the root of the running mean of squared gradients. Hinton 2012. Source: paddle.optimizer.RMSProp.

    Args:
        rho (float): of the running mean.
        centered (bool): divides by the deviation instead.
    """

    def __init__(self, learning_rate, rho=0.95, epsilon=1e-06, momentum=0.0, centered=False, parameters=None, weight_decay=None,
                 grad_clip=None, name=None):
        for option, value in (("learning_rate", learning_rate), ("rho", rho), ("epsilon", epsilon), ("momentum", momentum)):
            if value is None:
                raise ValueError(f"{option} is not set.")
        self._start(parameters, _core.make_rmsprop(learning_rate, rho, epsilon, momentum, centered, weight_decay, grad_clip))


class Lamb(Optimizer):
    """Adam's step, scaled to each parameter's norm. You et al. 2020. Source: paddle.optimizer.Lamb.

    Args:
        lamb_weight_decay (float): coefficient of the decay.
        exclude_from_weight_decay_fn (callable): of a parameter; whether it does not decay.
        always_adapt (bool): scales the step by the norms even where there is no decay.
    """

    def __init__(self, learning_rate=0.001, lamb_weight_decay=0.01, beta1=0.9, beta2=0.999, epsilon=1e-06, parameters=None,
                 grad_clip=None, exclude_from_weight_decay_fn=None, multi_precision=False, always_adapt=False, name=None):
        excluded = None if exclude_from_weight_decay_fn is None else \
            lambda name: exclude_from_weight_decay_fn(_core.default_main_program().global_block().var(name))
        core = _core.make_lamb(learning_rate, lamb_weight_decay, beta1, beta2, epsilon, grad_clip, excluded, always_adapt)
        self._start(parameters, core, multi_precision)


def _check_betas(beta1, beta2, epsilon):
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        if not 0 <= beta < 1:
            raise ValueError(f"Invaild value of {name}, expect {name} in [0,1).")
    if not epsilon >= 0:
        raise ValueError("Invaild value of epsilon, expect epsilon >= 0.")
