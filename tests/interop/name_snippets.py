"""Short static-graph programs whose generated names Paddle and skiff must agree on.

Each runs with `paddle`, `static` and `np` bound, in fresh programs with a fresh name generator. A
snippet may set `result`: a JSON value that must come out the same too.
"""
SNIPPETS = {}


def snippet(name, about, source):
    assert name not in SNIPPETS, name
    SNIPPETS[name] = (about, source.strip("\n"))


# ---------------------------------------------------------------- inputs and fully connected layers
snippet("data", "declared inputs of several dtypes, None and -1 for an unknown extent", """
a = static.data("a", [None, 4])
b = static.data("b", [-1, 2, 3], "float64")
c = static.data("c", [5], dtype="int64")
d = static.data(name="d", shape=[], dtype="bool")
e = static.data("e", [2, None], "int32", lod_level=1)
result = [v.name for v in (a, b, c, d, e)]
""")
snippet("fc", "one layer without activation", """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc(x, 5)
result = y.name
""")
snippet("fc_activation", "activations are operators of their own, named after the layer", """
x = static.data("x", [None, 6], "float32")
h = static.nn.fc(x, 5, activation="relu")
h = static.nn.fc(h, 4, activation="tanh")
h = static.nn.fc(h, 3, activation="sigmoid")
y = static.nn.fc(h, 2, activation="softmax")
result = y.name
""")
snippet("fc_inputs", "several inputs: one weight and one product each, then a sum", """
x = static.data("x", [None, 6], "float32")
z = static.data("z", [None, 3], "float32")
y = static.nn.fc([x, z], 5, activation="relu")
""")
snippet("fc_same_input_twice", "the same input listed twice still makes two weights", """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc([x, x], 5)
""")
snippet("fc_flatten", "num_flatten_dims keeps leading dimensions", """
x = static.data("x", [None, 3, 4, 5], "float32")
a = static.nn.fc(x, 7)
b = static.nn.fc(x, 7, num_flatten_dims=2)
c = static.nn.fc(x, 7, num_flatten_dims=-1)
""")
snippet("fc_no_bias", "bias_attr=False leaves the addition out", """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc(x, 5, bias_attr=False)
z = static.nn.fc(y, 4, bias_attr=False, activation="relu")
""")
snippet("fc_float64", "the weight takes the dtype of the input", """
x = static.data("x", [None, 6], "float64")
y = static.nn.fc(x, 5)
""")
snippet("fc_named", "name= replaces the layer's own name in every variable", """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc(x, 5, name="hidden")
z = static.nn.fc(y, 5, name="hidden")
""")
snippet("param_attr_names", "ParamAttr names, a name as a plain string, and an initializer given in place of an attr", """
x = static.data("x", [None, 6], "float32")
a = static.nn.fc(x, 5, weight_attr=paddle.ParamAttr(name="w_a", initializer=paddle.nn.initializer.Constant(0.5)),
                 bias_attr=paddle.ParamAttr(name="b_a"))
b = static.nn.fc(a, 5, weight_attr="w_b", bias_attr="b_b")
c = static.nn.fc(b, 5, weight_attr=paddle.nn.initializer.Normal(0.0, 0.02), bias_attr=paddle.nn.initializer.Constant(1.0))
""")
snippet("param_attr_shared", "two layers with the same parameter name share the parameter", """
x = static.data("x", [None, 5], "float32")
a = static.nn.fc(x, 5, weight_attr="shared_w", bias_attr="shared_b")
b = static.nn.fc(a, 5, weight_attr="shared_w", bias_attr="shared_b")
loss = paddle.mean(b)
result = [[p.name, g.name] for p, g in static.append_backward(loss)]
""")
snippet("param_attr_options", "trainable, learning rate, regularizer and need_clip of a parameter", """
x = static.data("x", [None, 6], "float32")
y = static.nn.fc(x, 5, weight_attr=paddle.ParamAttr(learning_rate=0.5, regularizer=paddle.regularizer.L2Decay(0.01)),
                 bias_attr=paddle.ParamAttr(trainable=False))
z = static.nn.fc(y, 4, weight_attr=paddle.ParamAttr(need_clip=False))
loss = paddle.mean(z)
paddle.optimizer.SGD(0.1, grad_clip=paddle.nn.ClipGradByNorm(1.0)).minimize(loss)
""")
snippet("create_parameter", "parameters made directly, with and without a name", """
a = static.create_parameter([2, 3], "float32")
b = static.create_parameter([3], "float32", is_bias=True)
c = static.create_parameter([4], "float64", name="c")
d = paddle.create_parameter(shape=[2, 2], dtype="float32", default_initializer=paddle.nn.initializer.Uniform(-2.0, 2.0))
result = [v.name for v in (a, b, c, d)]
""")
snippet("create_global_var", "global variables with a constant start value", """
a = static.create_global_var([1], 1.5, "float32", persistable=True)
b = static.create_global_var(shape=[2, 3], value=7, dtype="int64", name="counter")
result = [a.name, b.name]
""")
snippet("initializers", "every initializer's operator in the startup program", """
init = paddle.nn.initializer
static.create_parameter([4, 3], "float32", default_initializer=init.Constant(2.5))
static.create_parameter([4, 3], "float32", default_initializer=init.Normal(1.0, 0.5))
static.create_parameter([4, 3], "float32", default_initializer=init.TruncatedNormal(0.0, 0.1))
static.create_parameter([4, 3], "float32", default_initializer=init.Uniform(-0.5, 0.25))
static.create_parameter([4, 3], "float32", default_initializer=init.XavierUniform())
static.create_parameter([4, 3], "float32", default_initializer=init.XavierNormal())
static.create_parameter([4, 3], "float32", default_initializer=init.XavierUniform(fan_in=10, fan_out=20))
static.create_parameter([4, 3], "float32", default_initializer=init.KaimingUniform())
static.create_parameter([4, 3], "float32", default_initializer=init.KaimingNormal())
static.create_parameter([8, 4, 3, 3], "float32", default_initializer=init.KaimingNormal())
static.create_parameter([8, 4, 3, 3], "float32", default_initializer=init.XavierUniform())
static.create_parameter([2, 2], "float32", default_initializer=init.Assign(np.array([[1, 2], [3, 4]], "float32")))
""")
snippet("unique_name_guard", "a guard starts the names again; a prefix guard puts its prefix in front", """
x = static.data("x", [None, 6], "float32")
a = static.nn.fc(x, 6)
with paddle.utils.unique_name.guard():
    b = paddle.mean(a)
    first = [paddle.utils.unique_name.generate("fc"), paddle.utils.unique_name.generate("fc")]
with paddle.utils.unique_name.guard("tower_"):
    c = static.nn.fc(x, 6)
d = static.nn.fc(x, 6)
result = [a.name, b.name, first, c.name, d.name, paddle.utils.unique_name.generate("fc")]
""")
snippet("name_scope", "a name scope does not change variable names", """
x = static.data("x", [None, 6], "float32")
with static.name_scope("block"):
    y = static.nn.fc(x, 5)
    with static.name_scope("inner"):
        z = paddle.nn.functional.relu(y)
result = [y.name, z.name]
""")

# ---------------------------------------------------------------- convolution, pooling, normalisation
snippet("conv2d", "convolution with bias", """
im = static.data("im", [None, 3, 8, 8], "float32")
y = static.nn.conv2d(im, num_filters=4, filter_size=3)
result = [y.name, list(y.shape)]
""")
snippet("conv2d_options", "stride, padding, dilation, activation; no bias", """
im = static.data("im", [None, 3, 9, 9], "float32")
a = static.nn.conv2d(im, 4, 3, stride=2, padding=1, act="relu")
b = static.nn.conv2d(im, 4, [3, 5], stride=[1, 2], padding=[1, 2], dilation=2, bias_attr=False)
c = static.nn.conv2d(im, 4, 3, padding="SAME")
d = static.nn.conv2d(im, 4, 3, padding="VALID")
e = static.nn.conv2d(im, 4, 3, padding=[[0, 0], [0, 0], [1, 2], [0, 1]])
result = [list(v.shape) for v in (a, b, c, d, e)]
""")
snippet("conv2d_groups", "grouped and depthwise convolution", """
im = static.data("im", [None, 4, 8, 8], "float32")
a = static.nn.conv2d(im, 8, 3, groups=2)
b = static.nn.conv2d(im, 4, 3, groups=4)
c = static.nn.conv2d(im, 8, 3, groups=4, bias_attr=False)
""")
snippet("conv2d_nhwc", "channels last", """
im = static.data("im", [None, 8, 8, 3], "float32")
y = static.nn.conv2d(im, 4, 3, data_format="NHWC", act="relu")
result = list(y.shape)
""")
snippet("conv2d_transpose", "transposed convolution by filter size and by output size", """
im = static.data("im", [None, 3, 8, 8], "float32")
a = static.nn.conv2d_transpose(im, 4, filter_size=3)
b = static.nn.conv2d_transpose(im, 4, filter_size=4, stride=2, padding=1, act="relu")
c = static.nn.conv2d_transpose(im, 4, output_size=[17, 17], stride=2)
result = [list(v.shape) for v in (a, b, c)]
""")
snippet("functional_conv2d", "nn.functional.conv2d with a parameter made by hand", """
im = static.data("im", [None, 3, 8, 8], "float32")
w = static.create_parameter([4, 3, 3, 3], "float32")
b = static.create_parameter([4], "float32", is_bias=True)
y = paddle.nn.functional.conv2d(im, w, b, stride=1, padding=1)
z = paddle.nn.functional.conv2d(im, w)
""")
snippet("batch_norm", "batch normalisation with and without activation, and in test mode", """
im = static.data("im", [None, 3, 8, 8], "float32")
a = static.nn.batch_norm(im)
b = static.nn.batch_norm(a, act="relu", momentum=0.8, epsilon=0.001)
c = static.nn.batch_norm(b, is_test=True)
d = static.nn.batch_norm(c, use_global_stats=True)
""")
snippet("batch_norm_rank2", "batch normalisation of a matrix, named statistics", """
x = static.data("x", [None, 6], "float32")
y = static.nn.batch_norm(x, moving_mean_name="bn_mean", moving_variance_name="bn_variance", param_attr="bn_scale", bias_attr="bn_shift")
""")
snippet("batch_norm_training", "gradients and the optimizer leave the running statistics alone", """
im = static.data("im", [None, 3, 8, 8], "float32")
y = static.nn.batch_norm(static.nn.conv2d(im, 4, 3, bias_attr=False), act="relu")
loss = paddle.mean(y)
paddle.optimizer.SGD(0.1).minimize(loss)
""")
snippet("layer_norm", "layer normalisation over different axes, with and without scale and shift", """
x = static.data("x", [None, 4, 6], "float32")
a = static.nn.layer_norm(x)
b = static.nn.layer_norm(x, begin_norm_axis=2)
c = static.nn.layer_norm(x, scale=False, shift=False, begin_norm_axis=2, act="relu")
""")
snippet("functional_layer_norm", "nn.functional.layer_norm without parameters", """
x = static.data("x", [None, 4, 6], "float32")
y = paddle.nn.functional.layer_norm(x, [6])
z = paddle.nn.functional.layer_norm(x, [4, 6])
""")
snippet("embedding", "embedding tables: dense, sparse, with a padding index", """
ids = static.data("ids", [None, 7], "int64")
a = static.nn.embedding(ids, size=[20, 5])
b = static.nn.embedding(ids, size=[20, 5], is_sparse=True)
c = static.nn.embedding(ids, [20, 5], padding_idx=0)
d = static.nn.embedding(ids, [20, 5], padding_idx=-1)
e = static.nn.embedding(ids, [20, 5], param_attr=paddle.ParamAttr(name="table"))
result = [list(v.shape) for v in (a, b, c, d, e)]
""")
snippet("dropout", "dropout in both modes, with p=0, and in test mode", """
x = static.data("x", [None, 6], "float32")
F = paddle.nn.functional
a = F.dropout(x, 0.3)
b = F.dropout(x, 0.3, mode="downscale_in_infer")
c = F.dropout(x, 0.0)
d = F.dropout(x, 0.4, training=False)
result = [v.name for v in (a, b, c, d)]
""")
snippet("pooling", "maximum and average pooling, global and adaptive", """
F = paddle.nn.functional
im = static.data("im", [None, 3, 9, 9], "float32")
a = F.max_pool2d(im, 2)
b = F.max_pool2d(im, kernel_size=3, stride=2, padding=1)
c = F.max_pool2d(im, kernel_size=2, stride=2, ceil_mode=True)
d = F.avg_pool2d(im, 2)
e = F.avg_pool2d(im, kernel_size=3, stride=1, padding=1, exclusive=False)
f = F.adaptive_avg_pool2d(im, 1)
g = F.adaptive_avg_pool2d(im, [2, 3])
h = F.avg_pool2d(im, 3, stride=3, padding="SAME")
result = [list(v.shape) for v in (a, b, c, d, e, f, g, h)]
""")
snippet("activations", "activation functions of nn.functional", """
F = paddle.nn.functional
x = static.data("x", [None, 6], "float32")
result = [v.name for v in (F.relu(x), F.sigmoid(x), F.tanh(x), F.gelu(x), F.gelu(x, approximate=True), F.softmax(x),
                           F.softmax(x, axis=0), F.log_softmax(x), F.leaky_relu(x), F.relu6(x), F.elu(x), F.silu(x),
                           F.softplus(x), F.hardswish(x), F.hardsigmoid(x), F.swish(x))]
""")

# ---------------------------------------------------------------- arithmetic and shapes
snippet("operators_scalar", "a variable with a Python number on either side", """
x = static.data("x", [None, 4], "float32")
result = [v.name for v in (x + 1, x - 1, x * 2, x / 2, -x, 1 + x, 1 - x, 2 * x, x * -1.5, x + 0.5)]
""")
snippet("operators_scalar_filled", "operators that need the number as a tensor", """
x = static.data("x", [None, 4], "float32")
result = [v.name for v in (2 / x, x ** 2, x % 3, x // 2)]
""")
snippet("operators_binary", "two variables", """
x = static.data("x", [None, 4], "float32")
y = static.data("y", [None, 4], "float32")
result = [v.name for v in (x + y, x - y, x * y, x / y, x ** y, x % y, x // y)]
""")
snippet("operators_broadcast", "shapes that broadcast", """
x = static.data("x", [None, 3, 4], "float32")
y = static.data("y", [4], "float32")
z = static.data("z", [3, 1], "float32")
result = [list(v.shape) for v in (x + y, x * z, y + x, y - z)]
""")
snippet("operators_compare", "comparisons give bool", """
x = static.data("x", [None, 4], "float32")
y = static.data("y", [None, 4], "float32")
result = [v.name for v in (x > 1, x < y, x >= y, x <= 0.5, x == y, x != y)]
""")
snippet("operators_matmul", "the @ operator, transposes and batches", """
x = static.data("x", [None, 4], "float32")
w = static.create_parameter([4, 5], "float32")
v = static.create_parameter([5, 4], "float32")
a = x @ w
b = paddle.matmul(x, v, transpose_y=True)
c = paddle.matmul(static.data("p", [None, 2, 3, 4]), static.data("q", [None, 2, 4, 6]))
d = paddle.mm(x, w)
result = [list(t.shape) for t in (a, b, c, d)]
""")
snippet("operators_int", "integers: division gives floats, floor division and modulo stay integers", """
x = static.data("x", [None, 4], "int64")
y = static.data("y", [None, 4], "int64")
result = [v.name for v in (x + 1, x * 2, x + y, x // y, x % y, x / y, x - 3)]
""")
snippet("indexing", "indices and slices become one slice operator", """
x = static.data("x", [4, 5, 6], "float32")
result = [[v.name, list(v.shape)] for v in (x[0], x[:, 1:3], x[-1], x[1:, 2], x[..., 0], x[:2, :, -2:])]
""")
snippet("indexing_more", "steps, new axes and reversed slices", """
x = static.data("x", [4, 5, 6], "float32")
result = [[v.name, list(v.shape)] for v in (x[::2], x[:, None], x[None, 0], x[:, ::-1])]
""")
snippet("math_binary_functions", "paddle.add and relatives", """
x = static.data("x", [None, 4], "float32")
y = static.data("y", [None, 4], "float32")
result = [v.name for v in (paddle.add(x, y), paddle.subtract(x, y), paddle.multiply(x, y), paddle.divide(x, y),
                           paddle.maximum(x, y), paddle.minimum(x, y), paddle.pow(x, y), paddle.pow(x, 2.0),
                           paddle.mod(x, y), paddle.floor_divide(x, y))]
""")
snippet("math_unary_functions", "element by element", """
x = static.data("x", [None, 4], "float32")
result = [v.name for v in (paddle.exp(x), paddle.log(x), paddle.sqrt(x), paddle.rsqrt(x), paddle.square(x), paddle.abs(x),
                           paddle.sign(x), paddle.floor(x), paddle.ceil(x), paddle.round(x), paddle.sin(x), paddle.cos(x),
                           paddle.tanh(x), paddle.reciprocal(x), paddle.erf(x), paddle.clip(x, -1.0, 1.0), paddle.scale(x, 2.0, 1.0))]
""")
snippet("mean", "mean over everything, one axis, several axes", """
x = static.data("x", [None, 3, 4], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.mean(x), paddle.mean(x, axis=1), paddle.mean(x, axis=[1, 2], keepdim=True))]
""")
snippet("reductions", "sum, max, min, prod, all, any", """
x = static.data("x", [None, 3, 4], "float32")
b = x > 0.0
result = [[v.name, list(v.shape)] for v in (paddle.sum(x), paddle.sum(x, axis=1), paddle.sum(x, axis=[0, 2], keepdim=True),
                                            paddle.max(x, axis=-1), paddle.min(x, axis=1), paddle.prod(x, axis=1), paddle.all(b), paddle.any(b, axis=1))]
""")
snippet("sum_dtype", "a sum of integers or booleans, and a sum in another dtype", """
x = static.data("x", [None, 3], "int32")
y = static.data("y", [None, 3], "float32")
result = [[v.name, str(v.dtype).split(".")[-1]] for v in (paddle.sum(x), paddle.sum(y, dtype="float64"), paddle.sum(y > 0.0))]
""")
snippet("add_n", "the sum of a list of variables", """
x = static.data("x", [None, 4], "float32")
y = static.data("y", [None, 4], "float32")
result = [v.name for v in (paddle.add_n([x, y, x]), paddle.add_n(x))]
""")
snippet("reshape", "reshape, flatten, squeeze, unsqueeze", """
x = static.data("x", [None, 1, 4, 6], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.reshape(x, [-1, 24]), paddle.reshape(x, [0, 4, -1]), x.reshape([-1, 6]), paddle.flatten(x, 1),
                                            paddle.flatten(x, 1, 2), paddle.squeeze(x, 1), paddle.unsqueeze(x, 0), paddle.unsqueeze(x, [1, 2]))]
""")
snippet("transpose", "permutations of axes", """
x = static.data("x", [None, 3, 4], "float32")
y = static.data("y", [5, 6], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.transpose(x, [0, 2, 1]), paddle.transpose(x, perm=[2, 0, 1]), paddle.t(y), y.T)]
""")
snippet("concat", "concatenation, stack", """
x = static.data("x", [None, 3], "float32")
y = static.data("y", [None, 5], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.concat([x, y], axis=1), paddle.concat([x, x]), paddle.stack([x, x], axis=1), paddle.concat([x, y], axis=-1))]
""")
snippet("split", "splitting by count and by sections", """
x = static.data("x", [None, 6, 4], "float32")
a = paddle.split(x, 3, axis=1)
b = paddle.split(x, [1, 2, -1], axis=1)
c = paddle.split(x, num_or_sections=2, axis=-1)
d = paddle.unstack(x, axis=1)
result = [[v.name, list(v.shape)] for parts in (a, b, c, d) for v in parts]
""")
snippet("cast", "dtype conversions", """
x = static.data("x", [None, 4], "float32")
result = [v.name for v in (paddle.cast(x, "int64"), x.astype("float64"), paddle.cast(x, "bool"), paddle.cast(x > 0, "float32"))]
""")
snippet("creation", "tensors made by the program", """
x = static.data("x", [None, 4], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.full([2, 3], 1.5), paddle.zeros([2]), paddle.ones([3], "int64"), paddle.zeros_like(x), paddle.ones_like(x),
                                            paddle.full_like(x, 7.0), paddle.arange(0, 6, 2), paddle.assign(x), paddle.assign(np.array([1.0, 2.0], "float32")))]
""")
snippet("gather_and_expand", "gather, expand, tile, one_hot, where", """
x = static.data("x", [5, 4], "float32")
ids = static.data("ids", [3], "int64")
result = [[v.name, list(v.shape)] for v in (paddle.gather(x, ids), paddle.gather(x, ids, axis=1), paddle.expand(x, [2, 5, 4]), paddle.tile(x, [2, 1]),
                                            paddle.nn.functional.one_hot(ids, 7), paddle.where(x > 0, x, -x), paddle.gather_nd(x, ids.unsqueeze(-1)))]
""")
snippet("logical", "logical operators", """
x = static.data("x", [None], "bool")
y = static.data("y", [None], "bool")
result = [v.name for v in (paddle.logical_and(x, y), paddle.logical_or(x, y), paddle.logical_not(x), paddle.logical_xor(x, y))]
""")
snippet("shape_and_increment", "paddle.shape and increment", """
x = static.data("x", [None, 4], "float32")
s = paddle.shape(x)
c = static.create_global_var([1], 0, "int64", persistable=True)
d = paddle.increment(c)
result = [s.name, d.name]
""")

# ---------------------------------------------------------------- losses and metrics
snippet("cross_entropy", "nn.functional.cross_entropy with hard labels", """
x = static.data("x", [None, 10], "float32")
label = static.data("label", [None, 1], "int64")
loss = paddle.nn.functional.cross_entropy(x, label)
result = [loss.name, list(loss.shape)]
""")
snippet("cross_entropy_forms", "ignored labels, soft labels, probabilities, other reductions", """
F = paddle.nn.functional
x = static.data("x", [None, 10], "float32")
label = static.data("label", [None, 1], "int64")
flat = static.data("flat", [None], "int64")
soft = static.data("soft", [None, 10], "float32")
a = F.cross_entropy(x, label, ignore_index=3)
b = F.cross_entropy(x, soft, soft_label=True)
c = F.cross_entropy(F.softmax(x), label, use_softmax=False)
d = F.cross_entropy(x, label, reduction="none")
e = F.cross_entropy(x, label, reduction="sum")
f = F.cross_entropy(x, flat)
g = F.cross_entropy(x, flat, reduction="none")
result = [[v.name, list(v.shape)] for v in (a, b, c, d, e, f, g)]
""")
snippet("softmax_with_cross_entropy", "the fused loss, with and without the probabilities", """
F = paddle.nn.functional
x = static.data("x", [None, 10], "float32")
label = static.data("label", [None, 1], "int64")
a = F.softmax_with_cross_entropy(x, label)
b, p = F.softmax_with_cross_entropy(x, label, return_softmax=True)
c = F.softmax_with_cross_entropy(x, F.softmax(x), soft_label=True)
result = [v.name for v in (a, b, p, c)]
""")
snippet("losses", "mean squared error and relatives", """
F = paddle.nn.functional
x = static.data("x", [None, 4], "float32")
y = static.data("y", [None, 4], "float32")
result = [v.name for v in (F.mse_loss(x, y), F.square_error_cost(x, y), F.l1_loss(x, y), F.smooth_l1_loss(x, y),
                           F.binary_cross_entropy(F.sigmoid(x), y), F.binary_cross_entropy_with_logits(x, y))]
""")
snippet("accuracy", "accuracy with one and several candidates", """
x = static.data("x", [None, 10], "float32")
label = static.data("label", [None, 1], "int64")
p = paddle.nn.functional.softmax(x)
a = static.accuracy(p, label)
b = static.accuracy(input=p, label=label, k=5)
result = [a.name, b.name]
""")
snippet("topk", "largest and smallest entries", """
x = static.data("x", [None, 10], "float32")
v, i = paddle.topk(x, 3)
w, j = paddle.topk(x, k=2, axis=0, largest=False)
result = [t.name for t in (v, i, w, j)]
""")
snippet("argmax", "argmax and argmin, with and without an axis", """
x = static.data("x", [None, 10], "float32")
result = [[v.name, list(v.shape)] for v in (paddle.argmax(x), paddle.argmax(x, axis=1), paddle.argmax(x, axis=-1, keepdim=True, dtype="int32"), paddle.argmin(x, axis=0))]
""")
snippet("argsort", "sorting", """
x = static.data("x", [None, 10], "float32")
result = [v.name for v in (paddle.argsort(x), paddle.argsort(x, axis=0, descending=True), paddle.sort(x))]
""")

# ---------------------------------------------------------------- layers of paddle.nn in a static program
snippet("nn_linear", "nn.Linear inside a static program", """
x = static.data("x", [None, 6], "float32")
a = paddle.nn.Linear(6, 5)
b = paddle.nn.Linear(5, 4, bias_attr=False)
y = b(paddle.nn.functional.relu(a(x)))
result = [p.name for p in a.parameters() + b.parameters()] + [y.name]
""")
snippet("nn_conv", "nn.Conv2D, nn.BatchNorm2D, nn.MaxPool2D inside a static program", """
im = static.data("im", [None, 3, 8, 8], "float32")
net = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3, padding=1), paddle.nn.BatchNorm2D(4), paddle.nn.ReLU(), paddle.nn.MaxPool2D(2, 2),
                           paddle.nn.Flatten(), paddle.nn.Linear(64, 5))
y = net(im)
result = [p.name for p in net.parameters()] + [y.name]
""")
snippet("nn_embedding_norm", "nn.Embedding, nn.LayerNorm, nn.Dropout", """
ids = static.data("ids", [None, 7], "int64")
y = paddle.nn.Dropout(0.1)(paddle.nn.LayerNorm(5)(paddle.nn.Embedding(20, 5)(ids)))
result = y.name
""")
