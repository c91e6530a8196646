"""More snippets: gradients, control flow and optimizers. See name_snippets.py."""
from name_snippets import SNIPPETS, snippet  # noqa: F401

# ---------------------------------------------------------------- backward
snippet("backward", "append_backward of two layers", """
x = static.data("x", [None, 6], "float32")
label = static.data("label", [None, 1], "int64")
h = static.nn.fc(x, 5, activation="relu")
loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(static.nn.fc(h, 4), label))
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_shared", "a variable used three times: renamed partial gradients and their sum", """
x = static.data("x", [None, 4], "float32")
h = static.nn.fc(x, 4)
y = h * h + paddle.tanh(h)
loss = paddle.mean(y)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_shared_parameter", "a parameter used by two operators", """
x = static.data("x", [None, 4], "float32")
w = static.create_parameter([4, 4], "float32", name="w")
loss = paddle.mean(paddle.matmul(paddle.matmul(x, w), w))
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_same_argument_twice", "one operator that takes the same variable twice", """
x = static.data("x", [None, 4], "float32")
w = static.create_parameter([4], "float32", name="w")
y = paddle.multiply(x, w)
loss = paddle.sum(y + y)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_branches", "paths that do not lead to the loss get no gradient", """
x = static.data("x", [None, 4], "float32")
h = static.nn.fc(x, 4)
used = paddle.nn.functional.relu(h)
unused = paddle.nn.functional.sigmoid(static.nn.fc(h, 3))
loss = paddle.mean(used)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_stop_gradient", "stop_gradient on a variable cuts the path behind it", """
x = static.data("x", [None, 4], "float32")
h = static.nn.fc(x, 4)
h.stop_gradient = True
y = static.nn.fc(h, 3)
loss = paddle.mean(y)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_input_gradient", "an input whose stop_gradient is taken away", """
x = static.data("x", [None, 4], "float32")
x.stop_gradient = False
y = static.nn.fc(x, 3)
loss = paddle.mean(y)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_no_grad_set", "no_grad_set by name and by variable", """
x = static.data("x", [None, 4], "float32")
h = static.nn.fc(x, 4)
y = static.nn.fc(h, 3)
loss = paddle.mean(y)
result = [[p.name, g.name] for p, g in static.append_backward(loss, no_grad_set={"fc_0.b_0", "fc_1.w_0"})]
""")
snippet("backward_parameter_list", "only the parameters asked for", """
x = static.data("x", [None, 4], "float32")
y = static.nn.fc(static.nn.fc(x, 4), 3)
loss = paddle.mean(y)
result = [[p.name, g.name] for p, g in static.append_backward(loss, parameter_list=["fc_1.w_0"])]
""")
snippet("backward_split_unused_output", "an operator one of whose outputs is not used", """
x = static.data("x", [None, 4], "float32")
h = static.nn.fc(x, 6)
a, b, c = paddle.split(h, 3, axis=1)
loss = paddle.mean(a * c)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_shapes", "gradients of reshape, transpose, concat, slice, unsqueeze", """
x = static.data("x", [None, 12], "float32")
h = static.nn.fc(x, 12)
y = paddle.transpose(paddle.reshape(h, [-1, 3, 4]), [0, 2, 1])
z = paddle.concat([y[:, 1:3], paddle.unsqueeze(h[:, 0:3], 1)], axis=1)
loss = paddle.sum(z)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("gradients", "static.gradients of several targets", """
x = static.data("x", [None, 4], "float32")
x.stop_gradient = False
y = paddle.tanh(x)
z = y * y
g = static.gradients([z], [x])
h = static.gradients([y], x)
result = [v.name for v in g + h]
""")
snippet("gradients_target", "static.gradients with target gradients given", """
x = static.data("x", [None, 4], "float32")
d = static.data("d", [None, 4], "float32")
x.stop_gradient = False
y = paddle.exp(x)
g = static.gradients([y], [x], target_gradients=[d])
result = [v.name for v in g]
""")
snippet("backward_conv", "gradients of convolution, batch norm, pooling and flatten", """
im = static.data("im", [None, 1, 8, 8], "float32")
label = static.data("label", [None, 1], "int64")
h = static.nn.batch_norm(static.nn.conv2d(im, 4, 3, padding=1), act="relu")
h = paddle.nn.functional.max_pool2d(h, 2, 2)
h = paddle.nn.functional.dropout(h, 0.5)
loss = paddle.nn.functional.cross_entropy(static.nn.fc(h, 3), label)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_embedding", "gradients of embedding, layer norm, matmul, gelu, softmax", """
ids = static.data("ids", [None, 7], "int64")
h = static.nn.layer_norm(static.nn.embedding(ids, [20, 8]), begin_norm_axis=2)
a = paddle.nn.functional.softmax(paddle.matmul(h, h, transpose_y=True) * 0.5)
h = h + paddle.matmul(a, h)
loss = paddle.mean(paddle.nn.functional.gelu(static.nn.fc(h, 4, num_flatten_dims=2)))
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("backward_sparse_embedding", "is_sparse makes the table's gradient a set of rows", """
ids = static.data("ids", [None, 7], "int64")
h = static.nn.embedding(ids, [20, 8], is_sparse=True)
loss = paddle.mean(static.nn.fc(h, 4))
paddle.optimizer.SGD(0.1).minimize(loss)
""")
snippet("clone_for_test", "clone(for_test=True) drops backward and update and sets is_test", """
x = static.data("x", [None, 6], "float32")
y = paddle.nn.functional.dropout(static.nn.batch_norm(static.nn.fc(x, 5)), 0.2)
loss = paddle.mean(y)
paddle.optimizer.SGD(0.1).minimize(loss)
test = static.default_main_program().clone(for_test=True)
def attribute(op):
    return bool(op.attr("is_test")) if "is_test" in op.attr_names else None
result = [[op.type, attribute(op)] for op in test.global_block().ops]
""")
snippet("control_flow_cond", "cond builds two blocks and chooses", """
x = static.data("x", [2, 3], "float32")
y = static.nn.cond(paddle.mean(x) > 0.0, lambda: x + 1.0, lambda: x * 2.0)
result = y.name
""")
snippet("control_flow_while", "while_loop builds one block that refreshes its condition", """
x = static.data("x", [2, 3], "float32")
i = paddle.full([1], 0, "int64")
i, y = static.nn.while_loop(lambda i, y: i < 3, lambda i, y: [i + 1, paddle.tanh(y)], [i, x])
result = [i.name, y.name]
""")

# ---------------------------------------------------------------- optimizers
NET = """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc(static.nn.fc(x, 5, activation="relu"), 1)
loss = paddle.mean(y)
"""
REPORT = """
result = [[p.name, g.name] for p, g in pairs]
"""


def minimized(name, about, build):
    snippet("optimizer_" + name, about, NET + build.strip("\n") + "\n_, pairs = opt.minimize(loss)" + REPORT)


minimized("sgd", "SGD", "opt = paddle.optimizer.SGD(learning_rate=0.1)")
minimized("momentum", "Momentum", "opt = paddle.optimizer.Momentum(learning_rate=0.1, momentum=0.9)")
minimized("momentum_nesterov", "Momentum, Nesterov", "opt = paddle.optimizer.Momentum(0.1, 0.8, use_nesterov=True)")
minimized("momentum_l2", "Momentum folds L2 decay into its attributes", "opt = paddle.optimizer.Momentum(0.1, 0.9, weight_decay=0.01)")
minimized("momentum_l2_object", "the same with an L2Decay object",
          "opt = paddle.optimizer.Momentum(0.1, 0.9, weight_decay=paddle.regularizer.L2Decay(0.01))")
minimized("momentum_l1", "L1 decay stays operators of its own",
          "opt = paddle.optimizer.Momentum(0.1, 0.9, weight_decay=paddle.regularizer.L1Decay(0.01))")
minimized("adam", "Adam", "opt = paddle.optimizer.Adam(learning_rate=0.001)")
minimized("adam_options", "Adam with other betas, lazy mode and an epsilon",
          "opt = paddle.optimizer.Adam(0.001, beta1=0.8, beta2=0.99, epsilon=1e-6, lazy_mode=True)")
minimized("adam_l2", "Adam with L2 decay", "opt = paddle.optimizer.Adam(0.001, weight_decay=0.01)")
minimized("adamw", "AdamW with its default decay", "opt = paddle.optimizer.AdamW(learning_rate=0.001)")
minimized("adamw_filtered", "AdamW without decay for biases",
          "opt = paddle.optimizer.AdamW(0.001, weight_decay=0.05, apply_decay_param_fun=lambda n: '.b_' not in n)")
minimized("adagrad", "Adagrad", "opt = paddle.optimizer.Adagrad(learning_rate=0.1)")
minimized("rmsprop", "RMSProp, centred with momentum", "opt = paddle.optimizer.RMSProp(0.1, rho=0.9, momentum=0.5, centered=True)")
minimized("adamax", "Adamax", "opt = paddle.optimizer.Adamax(learning_rate=0.01)")
minimized("adadelta", "Adadelta", "opt = paddle.optimizer.Adadelta(learning_rate=0.5)")
minimized("lamb", "Lamb", "opt = paddle.optimizer.Lamb(learning_rate=0.01)")
minimized("sgd_l2", "SGD with L2 decay: scale and sum before the update",
          "opt = paddle.optimizer.SGD(0.1, weight_decay=paddle.regularizer.L2Decay(0.01))")
minimized("sgd_l1", "SGD with L1 decay: sign, scale and sum",
          "opt = paddle.optimizer.SGD(0.1, weight_decay=paddle.regularizer.L1Decay(0.01))")
minimized("sgd_decay_float", "a plain number as weight_decay", "opt = paddle.optimizer.SGD(0.1, weight_decay=0.02)")
minimized("sgd_clip_value", "clipping by value", "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByValue(max=1.0, min=-0.5))")
minimized("sgd_clip_value_symmetric", "clipping by value, one bound", "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByValue(1.0))")
minimized("sgd_clip_norm", "clipping each gradient by its norm", "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByNorm(1.0))")
minimized("sgd_clip_global_norm", "clipping all gradients by their common norm",
          "opt = paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0))")
minimized("adam_clip_and_decay", "clipping comes before decay, decay before the update",
          "opt = paddle.optimizer.Adam(0.001, weight_decay=paddle.regularizer.L2Decay(0.01), grad_clip=paddle.nn.ClipGradByGlobalNorm(2.0))")
minimized("scheduler", "a learning rate scheduler is a variable, not operators",
          "opt = paddle.optimizer.SGD(paddle.optimizer.lr.PiecewiseDecay([2, 4], [0.1, 0.01, 0.001]))")
minimized("scheduler_warmup", "a warm-up around a cosine, in Adam",
          "rate = paddle.optimizer.lr.LinearWarmup(paddle.optimizer.lr.CosineAnnealingDecay(0.1, 10), 5, 0.0, 0.1)\n"
          "opt = paddle.optimizer.Adam(rate)")
snippet("optimizer_parameter_list", "only the parameters given to minimize are updated", NET + """
opt = paddle.optimizer.SGD(0.1)
_, pairs = opt.minimize(loss, parameters=["fc_1.w_0"])
""" + REPORT)
snippet("optimizer_no_grad_set", "no_grad_set of minimize", NET + """
opt = paddle.optimizer.SGD(0.1)
_, pairs = opt.minimize(loss, no_grad_set={"fc_0.w_0"})
""" + REPORT)
snippet("optimizer_startup_given", "minimize with the startup program given", NET + """
opt = paddle.optimizer.Adam(0.001)
_, pairs = opt.minimize(loss, startup_program=static.default_startup_program())
""" + REPORT)
snippet("optimizer_two", "two optimizers over two losses, as in adversarial training", """
x = static.data("x", [None, 6], "float32")
a = static.nn.fc(x, 5, weight_attr="g_w", bias_attr="g_b")
b = static.nn.fc(a, 1, weight_attr="d_w", bias_attr="d_b")
first, second = paddle.mean(a), paddle.mean(b)
paddle.optimizer.Adam(0.001).minimize(first, parameters=["g_w", "g_b"])
paddle.optimizer.Adam(0.002).minimize(second, parameters=["d_w", "d_b"])
""")
snippet("lenet_training", "LeNet with accuracy and Adam: everything together", """
im = static.data("image", [None, 1, 28, 28], "float32")
label = static.data("label", [None, 1], "int64")
h = static.nn.conv2d(im, 6, 5, padding=2, act="relu")
h = paddle.nn.functional.max_pool2d(h, 2, 2)
h = static.nn.conv2d(h, 16, 5, act="relu")
h = paddle.nn.functional.max_pool2d(h, 2, 2)
h = static.nn.fc(h, 120, activation="relu")
h = static.nn.fc(h, 84, activation="relu")
logits = static.nn.fc(h, 10)
loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(logits, label))
acc = static.accuracy(paddle.nn.functional.softmax(logits), label)
_, pairs = paddle.optimizer.Adam(0.001).minimize(loss)
result = [loss.name, acc.name, [[p.name, g.name] for p, g in pairs]]
""")
