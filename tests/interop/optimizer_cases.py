"""Optimizers and learning-rate schedulers whose every step skiff must take as Paddle does.

Each optimizer's source leaves an optimizer in `opt` and, where it follows a scheduler, the scheduler
in `rate`; each scheduler's source leaves the scheduler in `rate`. `paddle` is bound.
"""
import numpy as np

STEPS = 5
OPTIMIZERS = {
    "sgd": "opt = paddle.optimizer.SGD(0.1)",
    "momentum": "opt = paddle.optimizer.Momentum(0.1, momentum=0.9)",
    "momentum_nesterov": "opt = paddle.optimizer.Momentum(0.1, momentum=0.8, use_nesterov=True)",
    "momentum_l2": "opt = paddle.optimizer.Momentum(0.1, momentum=0.9, weight_decay=0.05)",
    "momentum_nesterov_l2": "opt = paddle.optimizer.Momentum(0.1, 0.9, use_nesterov=True, weight_decay=paddle.regularizer.L2Decay(0.05))",
    "momentum_l1": "opt = paddle.optimizer.Momentum(0.1, 0.9, weight_decay=paddle.regularizer.L1Decay(0.05))",
    "momentum_rescaled": "opt = paddle.optimizer.Momentum(0.1, momentum=0.9, rescale_grad=0.25)",
    "adam": "opt = paddle.optimizer.Adam(0.01)",
    "adam_betas": "opt = paddle.optimizer.Adam(0.01, beta1=0.5, beta2=0.9)",
    "adam_epsilon": "opt = paddle.optimizer.Adam(0.01, epsilon=0.1)",
    "adam_l2": "opt = paddle.optimizer.Adam(0.01, weight_decay=0.1)",
    "adam_lazy": "opt = paddle.optimizer.Adam(0.01, lazy_mode=True)",
    "adamw": "opt = paddle.optimizer.AdamW(0.01)",
    "adamw_decay": "opt = paddle.optimizer.AdamW(0.1, weight_decay=0.3)",
    "adamw_no_decay": "opt = paddle.optimizer.AdamW(0.01, weight_decay=0.0)",
    "adamw_filtered": "opt = paddle.optimizer.AdamW(0.1, weight_decay=0.3, apply_decay_param_fun=lambda name: name == 'p')",
    "adamw_options": "opt = paddle.optimizer.AdamW(0.1, beta1=0.7, beta2=0.95, epsilon=1e-4, weight_decay=0.2)",
    "adagrad": "opt = paddle.optimizer.Adagrad(0.1)",
    "adagrad_start": "opt = paddle.optimizer.Adagrad(0.1, epsilon=0.01, initial_accumulator_value=0.5)",
    "rmsprop": "opt = paddle.optimizer.RMSProp(0.01)",
    "rmsprop_momentum": "opt = paddle.optimizer.RMSProp(0.01, rho=0.8, momentum=0.5, epsilon=1e-3)",
    "rmsprop_centered": "opt = paddle.optimizer.RMSProp(0.01, rho=0.9, momentum=0.3, centered=True)",
    "adamax": "opt = paddle.optimizer.Adamax(0.01)",
    "adamax_options": "opt = paddle.optimizer.Adamax(0.01, beta1=0.8, beta2=0.9, epsilon=1e-3)",
    "adadelta": "opt = paddle.optimizer.Adadelta(0.5)",
    "adadelta_options": "opt = paddle.optimizer.Adadelta(1.0, epsilon=1e-3, rho=0.8)",
    "lamb": "opt = paddle.optimizer.Lamb(0.01)",
    "lamb_excluded": "opt = paddle.optimizer.Lamb(0.01, lamb_weight_decay=0.2, exclude_from_weight_decay_fn=lambda p: p.name == 'q')",
    "sgd_l2": "opt = paddle.optimizer.SGD(0.1, weight_decay=paddle.regularizer.L2Decay(0.05))",
    "sgd_l1": "opt = paddle.optimizer.SGD(0.1, weight_decay=paddle.regularizer.L1Decay(0.05))",
    "sgd_clip_value": "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByValue(max=0.5, min=-0.25))",
    "sgd_clip_norm": "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByNorm(0.75))",
    "sgd_clip_global_norm": "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByGlobalNorm(1.5))",
    "sgd_clip_global_norm_loose": "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByGlobalNorm(1000.0))",
    "adam_clip_then_decay": "opt = paddle.optimizer.Adam(0.01, weight_decay=paddle.regularizer.L2Decay(0.1),\n"
                            "                            grad_clip=paddle.nn.ClipGradByGlobalNorm(0.5))",
    "sgd_scheduled": "rate = paddle.optimizer.lr.StepDecay(0.1, step_size=2, gamma=0.5)\nopt = paddle.optimizer.SGD(rate)",
    "adam_scheduled": "rate = paddle.optimizer.lr.NoamDecay(16, 3)\nopt = paddle.optimizer.Adam(rate)",
    "momentum_warmup": "rate = paddle.optimizer.lr.LinearWarmup(0.1, 3, 0.0, 0.1)\nopt = paddle.optimizer.Momentum(rate)",
}
# the same parameter as an embedding table whose gradient is a set of rows, one of them repeated
ROWS = ("sgd", "momentum", "momentum_nesterov", "adam", "adam_lazy", "adagrad", "rmsprop", "sgd_clip_global_norm", "sgd_l2")

_random = np.random.RandomState(7)
START = {"p": _random.uniform(-1, 1, (4, 3)).astype("float32"), "q": _random.uniform(-1, 1, 3).astype("float32")}
GRADIENTS = [{"p": _random.uniform(-2, 2, (4, 3)).astype("float32"), "q": _random.uniform(-2, 2, 3).astype("float32")} for _ in range(STEPS)]
GRADIENTS[1]["q"][1] = 0.0  # a gradient of exactly zero
IDS = [[0, 2, 2, 3], [1, 1, 1, 1], [3, 0, 0, 2], [2, 3, 2, 3], [0, 1, 2, 3]]

SCHEDULES = {
    "noam": "rate = paddle.optimizer.lr.NoamDecay(d_model=64, warmup_steps=5)",
    "noam_scaled": "rate = paddle.optimizer.lr.NoamDecay(d_model=64, warmup_steps=8, learning_rate=0.5)",
    "piecewise": "rate = paddle.optimizer.lr.PiecewiseDecay([3, 6, 9], [0.1, 0.05, 0.01, 0.001])",
    "natural_exp": "rate = paddle.optimizer.lr.NaturalExpDecay(0.5, gamma=0.1)",
    "inverse_time": "rate = paddle.optimizer.lr.InverseTimeDecay(0.5, gamma=0.1)",
    "polynomial": "rate = paddle.optimizer.lr.PolynomialDecay(0.5, decay_steps=12)",
    "polynomial_power": "rate = paddle.optimizer.lr.PolynomialDecay(0.5, decay_steps=10, end_lr=0.01, power=2.0)",
    "polynomial_cycle": "rate = paddle.optimizer.lr.PolynomialDecay(0.5, decay_steps=6, end_lr=0.05, power=1.5, cycle=True)",
    "warmup_constant": "rate = paddle.optimizer.lr.LinearWarmup(0.5, warmup_steps=8, start_lr=0.0, end_lr=0.5)",
    "warmup_scheduler": "rate = paddle.optimizer.lr.LinearWarmup(paddle.optimizer.lr.ExponentialDecay(0.4, 0.8), 5, 0.05, 0.4)",
    "exponential": "rate = paddle.optimizer.lr.ExponentialDecay(0.5, gamma=0.9)",
    "multi_step": "rate = paddle.optimizer.lr.MultiStepDecay(0.5, milestones=[4, 7, 12], gamma=0.5)",
    "multi_step_default": "rate = paddle.optimizer.lr.MultiStepDecay(0.5, [5, 15])",
    "step": "rate = paddle.optimizer.lr.StepDecay(0.5, step_size=4)",
    "step_gamma": "rate = paddle.optimizer.lr.StepDecay(0.5, step_size=3, gamma=0.7)",
    "lambda": "rate = paddle.optimizer.lr.LambdaDecay(0.5, lr_lambda=lambda epoch: 0.95 ** epoch)",
    "cosine": "rate = paddle.optimizer.lr.CosineAnnealingDecay(0.5, T_max=10)",
    "cosine_floor": "rate = paddle.optimizer.lr.CosineAnnealingDecay(0.5, T_max=7, eta_min=0.1)",
    "multiplicative": "rate = paddle.optimizer.lr.MultiplicativeDecay(0.5, lr_lambda=lambda epoch: 0.9 if epoch % 2 else 0.95)",
    "one_cycle": "rate = paddle.optimizer.lr.OneCycleLR(1.0, total_steps=20)",
    "one_cycle_linear": "rate = paddle.optimizer.lr.OneCycleLR(1.0, total_steps=20, divide_factor=10, end_learning_rate=0.01, phase_pct=0.4,\n"
                        "                                      anneal_strategy='linear')",
    "one_cycle_three_phase": "rate = paddle.optimizer.lr.OneCycleLR(1.0, total_steps=20, three_phase=True)",
    "cyclic": "rate = paddle.optimizer.lr.CyclicLR(0.1, 0.5, step_size_up=4, step_size_down=3)",
    "cyclic_triangular2": "rate = paddle.optimizer.lr.CyclicLR(0.1, 0.5, step_size_up=3, mode='triangular2')",
    "cyclic_exp_range": "rate = paddle.optimizer.lr.CyclicLR(0.1, 0.5, step_size_up=3, mode='exp_range', exp_gamma=0.9)",
    "cyclic_scale_fn": "rate = paddle.optimizer.lr.CyclicLR(0.1, 0.5, step_size_up=3, scale_fn=lambda x: 0.8 ** x, scale_mode='iterations')",
    "linear": "rate = paddle.optimizer.lr.LinearLR(0.5, total_steps=8)",
    "linear_factors": "rate = paddle.optimizer.lr.LinearLR(0.5, total_steps=6, start_factor=0.1, end_factor=0.8)",
    "warm_restarts": "rate = paddle.optimizer.lr.CosineAnnealingWarmRestarts(0.5, T_0=5)",
    "warm_restarts_growing": "rate = paddle.optimizer.lr.CosineAnnealingWarmRestarts(0.5, T_0=3, T_mult=2, eta_min=0.01)",
    "plateau": "rate = paddle.optimizer.lr.ReduceOnPlateau(0.5, factor=0.5, patience=2)",
    "plateau_max": "rate = paddle.optimizer.lr.ReduceOnPlateau(0.5, mode='max', factor=0.3, patience=1, cooldown=2, min_lr=0.02)",
    "plateau_absolute": "rate = paddle.optimizer.lr.ReduceOnPlateau(0.5, factor=0.5, patience=1, threshold=0.05, threshold_mode='abs')",
    "resumed": "rate = paddle.optimizer.lr.StepDecay(0.5, step_size=3, gamma=0.5, last_epoch=4)",
}
METRICS = [1.0, 0.9, 0.85, 0.86, 0.84, 0.84, 0.85, 0.83, 0.83, 0.83, 0.83, 0.5, 0.49, 0.48, 0.48, 0.48, 0.48, 0.47, 0.47, 0.47]
VALUES = 20


def build(paddle, source, rows):
    """A program in which the gradients of p and q are exactly what is fed as `p_gradient`, `q_gradient`."""
    main, startup, names = paddle.static.Program(), paddle.static.Program(), {"paddle": paddle}
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        if rows:
            ids = paddle.static.data("ids", [4], "int64")
            p = paddle.static.nn.embedding(ids, [4, 3], is_sparse=True, param_attr="p")
        else:
            p = paddle.static.create_parameter([4, 3], "float32", name="p")
        q = paddle.static.create_parameter([3], "float32", name="q")
        loss = paddle.sum(p * paddle.static.data("p_gradient", [4, 3])) + paddle.sum(q * paddle.static.data("q_gradient", [3]))
        exec(source, names)
        names["opt"].minimize(loss)
    return main, startup, names.get("rate")


def trajectory(paddle, source, rows):
    """The program and, before the first and after every step, every persistable variable."""
    main, startup, rate = build(paddle, source, rows)
    exe = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        scope = paddle.static.global_scope()
        exe.run(startup)
        for name, start in START.items():
            scope.find_var(name).get_tensor().set(start, paddle.CPUPlace())
        kept = sorted(v.name for v in main.list_vars() if v.persistable)
        seen = []
        for step in range(STEPS + 1):
            if step:
                feed = {name + "_gradient": value for name, value in GRADIENTS[step - 1].items()}
                if rows:
                    feed["ids"] = np.array(IDS[step - 1], "int64")
                exe.run(main, feed=feed)
                if rate is not None:
                    rate.step()
            seen.append({name: np.array(scope.find_var(name).get_tensor()) for name in kept})
    return main, seen


def schedule(paddle, source):
    """The rates: as built, then after each step; and the scheduler's state after the last."""
    names = {"paddle": paddle}
    exec(source, names)
    rate, values = names["rate"], []
    values.append(rate())
    for step in range(VALUES - 1):
        if "ReduceOnPlateau" in source:
            rate.step(METRICS[step])
        else:
            rate.step()
        values.append(rate())
    return [float(value) for value in values], rate.state_dict()
