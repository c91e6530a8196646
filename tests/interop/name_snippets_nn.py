"""More snippets: functions and layer classes of paddle.nn, and what they add to a program. See name_snippets.py."""
from name_snippets import SNIPPETS, snippet  # noqa: F401

NN = []  # in order, the names of this file's snippets


def nn(name, about, source):
    """A snippet with F and nn bound, whose `result` is the list of names of the outputs kept by `keep`."""
    NN.append("nn_" + name)
    snippet("nn_" + name, about, HEADER + source.strip("\n") + "\nresult = kept\n")


HEADER = """
nn, F, kept = paddle.nn, paddle.nn.functional, []
def data(shape, dtype="float32", name=None):
    return static.data(name or paddle.utils.unique_name.generate("x"), shape, dtype)
def keep(*outputs):
    for out in outputs:
        if isinstance(out, (list, tuple)):
            keep(*out)
        else:
            kept.append([out.name, list(out.shape)])
"""

# ---------------------------------------------------------------- functions: convolutions
nn("conv1d", "F.conv1d: the filter is copied, a row axis comes and goes", """
x, w, b = data([None, 4, 9]), data([6, 4, 3]), data([6])
keep(F.conv1d(x, w), F.conv1d(x, w, b, 2, 1), F.conv1d(x, w, padding=[1, 2], dilation=2), F.conv1d(x, w, padding="SAME"))
keep(F.conv1d(data([None, 9, 4]), w, b, data_format="NLC", name="named"))
keep(F.conv1d(x, data([4, 1, 3]), groups=4), F.conv1d(x, w, padding="valid"), F.conv1d(x, w, padding=[[0, 0], [0, 0], [1, 1]]))
""")
nn("conv1d_transpose", "F.conv1d_transpose", """
x, w, b = data([None, 4, 9]), data([4, 6, 3]), data([6])
keep(F.conv1d_transpose(x, w), F.conv1d_transpose(x, w, b, 2, 1, 1), F.conv1d_transpose(x, w, stride=2, output_size=20))
keep(F.conv1d_transpose(x, w, padding=[1, 2], name="named"), F.conv1d_transpose(x, data([4, 1, 3]), groups=4))
keep(F.conv1d_transpose(data([None, 9, 4]), w, b, padding="SAME", dilation=2, data_format="NLC"))
""")
nn("conv2d", "F.conv2d: forms of padding", """
x, w, b = data([None, 4, 9, 9]), data([6, 4, 3, 3]), data([6])
keep(F.conv2d(x, w, b, [2, 1], [1, 2]), F.conv2d(x, w, padding=[1, 2, 0, 1]), F.conv2d(x, w, padding=[1, 1, 2, 2], dilation=2))
keep(F.conv2d(data([None, 9, 9, 4]), w, b, padding=[[0, 0], [1, 1], [2, 2], [0, 0]], data_format="NHWC"))
keep(F.conv2d(x, data([4, 1, 3, 3]), data([4]), groups=4, padding="same"))
""")
nn("conv2d_transpose", "F.conv2d_transpose: output padding, output size, groups", """
x, w, b = data([None, 4, 9, 9]), data([4, 6, 3, 3]), data([6])
keep(F.conv2d_transpose(x, w, b, 2, 1, 1), F.conv2d_transpose(x, w, stride=2, output_size=[20, 19]))
keep(F.conv2d_transpose(x, data([4, 1, 3, 3]), groups=4), F.conv2d_transpose(x, data([4, 3, 3, 3]), groups=2, padding=[1, 2, 0, 1]))
keep(F.conv2d_transpose(data([None, 9, 9, 4]), w, b, data_format="NHWC", output_padding=[1, 0], stride=[2, 2]))
""")
nn("conv2d_transpose_to_variables", "F.conv2d_transpose: an output size that is read at each run", """
x, w, n, one = data([1, 4, 9, 9]), data([4, 6, 3, 3]), static.data("n", [2], "int32"), static.data("one", [1], "int64")
keep(F.conv2d_transpose(x, w, stride=2, output_size=n), F.conv2d_transpose(x, w, data([6]), stride=2, output_size=one))
keep(F.conv2d_transpose(x, w, stride=2, output_size=[one, 19]))
keep(static.nn.conv2d_transpose(x, 6, output_size=n, filter_size=3, stride=2, act="relu"))
keep(static.nn.conv2d_transpose(x, 6, output_size=(20, one), filter_size=[3, 3], stride=2, bias_attr=False))
""")
nn("conv3d", "F.conv3d and F.conv3d_transpose", """
x, w, b = data([None, 4, 5, 6, 7]), data([6, 4, 3, 3, 3]), data([6])
keep(F.conv3d(x, w, b, 2, 1), F.conv3d(x, w, padding=[1, 2, 0], dilation=[1, 2, 1]), F.conv3d(x, data([4, 2, 2, 2, 2]), groups=2))
keep(F.conv3d(data([None, 5, 6, 7, 4]), w, b, padding="SAME", data_format="NDHWC", name="named"))
v = data([4, 6, 3, 3, 3])
keep(F.conv3d_transpose(x, v, b, 2, 1, 1), F.conv3d_transpose(x, v), F.conv3d_transpose(x, v, stride=2, output_size=[12, 14, 16]))
keep(F.conv3d_transpose(data([None, 5, 6, 7, 4]), v, b, data_format="NDHWC"), F.conv3d_transpose(x, data([4, 1, 2, 2, 2]), groups=4))
""")

# ---------------------------------------------------------------- functions: pooling
nn("pool1d", "average and maximum over windows of signals", """
x = data([None, 4, 9])
keep(F.avg_pool1d(x, 3), F.avg_pool1d(x, 3, 2, 1, False), F.avg_pool1d(x, [3], [2], [1], ceil_mode=True, name="named"))
keep(F.avg_pool1d(x, 3, padding="SAME"), F.max_pool1d(x, 3), F.max_pool1d(x, 3, 2, 1, ceil_mode=True))
keep(F.max_pool1d(x, 2, return_mask=True), F.adaptive_avg_pool1d(x, 3), F.adaptive_max_pool1d(x, 3))
keep(F.adaptive_max_pool1d(x, 3, return_mask=True))
""")
nn("pool2d", "average and maximum over windows of images", """
x, y = data([None, 4, 9, 8]), data([None, 9, 8, 4])
keep(F.avg_pool2d(x, 3), F.avg_pool2d(x, [3, 2], 2, [1, 0], True, False), F.avg_pool2d(x, 2, divisor_override=3))
keep(F.avg_pool2d(y, 2, padding="VALID", data_format="NHWC"), F.max_pool2d(x, 3, 2, [1, 1, 0, 1]), F.max_pool2d(y, 2, data_format="NHWC"))
keep(F.max_pool2d(x, 2, return_mask=True), F.max_pool2d(x, 2, ceil_mode=True, name="named"))
keep(F.adaptive_avg_pool2d(x, 3), F.adaptive_avg_pool2d(x, [None, 2]), F.adaptive_avg_pool2d(y, [3, 3], "NHWC"))
keep(F.adaptive_max_pool2d(x, 3), F.adaptive_max_pool2d(x, [None, 2]), F.adaptive_max_pool2d(x, [2, 2], True))
""")
nn("pool3d", "average and maximum over windows of volumes", """
x, y = data([None, 4, 9, 8, 7]), data([None, 9, 8, 7, 4])
keep(F.avg_pool3d(x, 3), F.avg_pool3d(x, [3, 2, 2], 2, [1, 0, 1], True, False), F.avg_pool3d(x, 2, divisor_override=3))
keep(F.avg_pool3d(y, 2, padding="SAME", data_format="NDHWC"), F.max_pool3d(x, 3, 2, 1), F.max_pool3d(y, 2, data_format="NDHWC"))
keep(F.max_pool3d(x, 2, return_mask=True), F.max_pool3d(x, 2, padding=[1, 0, 0, 1, 1, 1], ceil_mode=True, name="named"))
keep(F.adaptive_avg_pool3d(x, 3), F.adaptive_avg_pool3d(x, [None, 2, 3]), F.adaptive_avg_pool3d(y, 2, "NDHWC"))
keep(F.adaptive_max_pool3d(x, 3), F.adaptive_max_pool3d(x, [2, None, 2]), F.adaptive_max_pool3d(x, [2, 2, 2], True))
""")
nn("unpool", "maxima put back where they were", """
out, mask = F.max_pool1d(data([2, 4, 8]), 2, return_mask=True)
keep(F.max_unpool1d(out, mask, 2), F.max_unpool1d(out, mask, 2, name="named"))
out, mask = F.max_pool2d(data([2, 4, 8, 8]), 2, return_mask=True)
keep(F.max_unpool2d(out, mask, 2), F.max_unpool2d(out, mask, 2, 2, 0, output_size=[2, 4, 9, 9]), F.max_unpool2d(out, mask, [2, 2]))
out, mask = F.max_pool3d(data([2, 4, 8, 8, 8]), 2, return_mask=True)
keep(F.max_unpool3d(out, mask, 2), F.max_unpool3d(out, mask, 2, output_size=[8, 9, 8]))
""")

# ---------------------------------------------------------------- functions: activations
nn("activations", "activations with options, and by what name", """
x, y = data([None, 4]), data([None, 4, 6, 6])
keep(F.celu(x, 0.5), F.elu(x, 0.5), F.gelu(x, True), F.hardshrink(x, 0.3), F.hardtanh(x, -2.0, 2.0), F.hardsigmoid(x), F.hardswish(x))
keep(F.leaky_relu(x, 0.2), F.log_sigmoid(x), F.maxout(y, 2), F.maxout(data([None, 6, 6, 4]), 2, -1), F.relu6(x), F.selu(x, 1.1, 1.5))
keep(F.softplus(x, 2, 10), F.softshrink(x, 0.3), F.softsign(x), F.silu(x), F.swish(x), F.mish(x), F.tanhshrink(x), F.thresholded_relu(x, 0.5))
keep(F.log_softmax(x, 0), F.softmax(x, dtype="float64"), F.glu(x), F.glu(y, 1, name="named"), F.gumbel_softmax(x, 0.5, True))
keep(F.relu(x, name="r"), F.sigmoid(x, "s"), F.tanh(x), F.celu(x, name="c"), F.elu(x, name="e"), F.gelu(x, name="g"), F.hardshrink(x, name="h"))
""")
nn("prelu", "F.prelu and F.rrelu", """
x = data([None, 4, 6, 6])
keep(F.prelu(x, data([1])), F.prelu(x, data([4])), F.prelu(data([None, 6, 6, 4]), data([4]), "NHWC"), F.prelu(data([None, 4]), data([4]), "NC"))
keep(F.rrelu(x), F.rrelu(x, 0.1, 0.2, False, name="named"))
""")
nn("activations_inplace", "in a program the names with an underscore make new variables", """
x = data([None, 4])
keep(F.relu_(x), F.elu_(x), F.hardtanh_(x, -2.0, 2.0), F.leaky_relu_(x, 0.2), F.softmax_(x, 0), F.tanh_(x), F.thresholded_relu_(x, 0.5))
""")

# ---------------------------------------------------------------- functions: dropout, padding, sizes
nn("dropout", "dropout of elements, axes, channels", """
x, y, z = data([None, 4]), data([None, 4, 6, 6]), data([None, 4, 3, 3, 3])
keep(F.dropout(x, 0.3), F.dropout(x, 0.3, training=False), F.dropout(x, 0.3, mode="downscale_in_infer"), F.dropout(x, 0.0))
keep(F.dropout(x, 0.3, 0), F.dropout(y, 0.3, [0, 2], mode="downscale_in_infer", name="named"), F.dropout(x, 0.3, 1, False, "downscale_in_infer"))
keep(F.dropout2d(y, 0.3), F.dropout2d(y, 0.3, data_format="NHWC"), F.dropout2d(y, 0.3, False), F.dropout3d(z, 0.3), F.dropout3d(z, 0.3, data_format="NDHWC"))
""")
nn("alpha_dropout", "dropout that keeps mean and variance after selu", """
x = data([3, 4])
keep(F.alpha_dropout(x, 0.3), F.alpha_dropout(x, 1), F.alpha_dropout(x, 0.3, False), F.alpha_dropout(x, name="named"))
""")
nn("pad", "padding of signals, images, volumes", """
x, y, z = data([None, 4, 6]), data([None, 4, 6, 6]), data([None, 4, 3, 3, 3])
keep(F.pad(x, [1, 2], "reflect", data_format="NCL"), F.pad(x, [1, 2], "replicate", data_format="NLC"))
keep(F.pad(y, [1, 2, 0, 1]), F.pad(y, [1, 2, 0, 1], value=2.0, data_format="NHWC"), F.pad(y, [0, 0, 0, 0, 1, 1, 2, 2], value=1))
keep(F.pad(z, [1, 2, 0, 1, 1, 0], "circular", data_format="NCDHW", name="named"), F.zeropad2d(y, [1, 2, 3, 4]))
keep(F.pad(y, data([4], "int32")), F.pad(x, data([2], "int32"), data_format="NCL"), F.zeropad2d(y, [1, 2, 3, 4], "NHWC", name="named"))
""")
nn("interpolate", "sizes of images, signals, volumes", """
x, y, z = data([None, 4, 6]), data([None, 4, 6, 6]), data([None, 4, 3, 3, 3])
keep(F.interpolate(x, [12], mode="linear", data_format="NCW"), F.interpolate(x, scale_factor=[2], mode="linear", align_mode=1, data_format="NWC"))
keep(F.interpolate(y, [12, 9]), F.interpolate(y, scale_factor=2), F.interpolate(y, scale_factor=[2, 1.5], mode="bilinear", align_corners=True))
keep(F.interpolate(y, (7, 8), mode="bicubic", data_format="NHWC", name="named"), F.upsample(y, [12, 9], mode="BILINEAR", name="named"))
keep(F.interpolate(z, [6, 6, 6], mode="trilinear", data_format="NCDHW"), F.interpolate(z, scale_factor=2, data_format="NDHWC"))
keep(F.interpolate(y, data([2], "int64"), mode="bilinear"), F.interpolate(y, [data([1], "int32"), data([1], "int32")]))
keep(F.interpolate(y, scale_factor=data([2]), mode="bilinear"), F.interpolate(y, [3, 2], mode="area"), F.interpolate(z, [2, 2, 1], mode="area", data_format="NCDHW"))
""")
nn("unfold_fold", "windows as columns and back", """
x, y = data([None, 4, 6, 6]), data([None, 36, 16])
keep(F.unfold(x, 3), F.unfold(x, [3, 2], [1, 2], [1, 1], [2, 1]), F.unfold(x, 3, 2, [1, 0, 1, 2], name="named"))
keep(F.fold(y, [6, 6], 3), F.fold(data([None, 36, 9]), 6, [3, 3], 2, 1, name="named"))
""")
nn("vision", "grids, pixels, channels", """
x, y = data([None, 4, 6, 6]), data([2, 6, 6, 4])

keep(F.grid_sample(x, data([None, 5, 5, 2])), F.grid_sample(x, data([None, 5, 5, 2]), "nearest", "border", False, name="named"))
keep(F.pixel_shuffle(x, 2), F.pixel_shuffle(y, 2, "NHWC", name="named"), F.pixel_unshuffle(x, 3), F.pixel_unshuffle(y, 2, "NHWC"))
keep(F.channel_shuffle(x, 2), F.channel_shuffle(y, 2, "NHWC", name="named"), F.temporal_shift(data([6, 4, 5, 5]), 2, 0.2), F.temporal_shift(y, 2, data_format="NHWC"))
""")

# ---------------------------------------------------------------- functions: norms, products, tables
nn("norms", "norms over given parameters", """
x, w, b = data([None, 4, 6, 6]), data([4]), data([4])
y = data([2, 4, 6, 6])
keep(F.instance_norm(y), F.instance_norm(y, weight=w, bias=b, eps=1e-3, name="named"), F.normalize(x), F.normalize(x, 1, -1, 1e-6))
keep(F.layer_norm(x, [6, 6]), F.layer_norm(data([None, 4]), 4, w, b, 1e-3, name="named"))
keep(F.local_response_norm(data([2, 4, 6]), 3), F.local_response_norm(data([2, 4, 6, 6]), 3), F.local_response_norm(data([2, 4, 3, 6, 6]), 2, 1e-3, 0.5, 2.0, name="named"))
keep(F.local_response_norm(data([2, 6, 6, 4]), 3, data_format="NHWC"), F.local_response_norm(data([2, 6, 4]), 3, data_format="NLC"))
m, v = static.create_global_var([4], 0.0, "float32", True), static.create_global_var([4], 1.0, "float32", True)
keep(F.batch_norm(x, m, v, w, b), F.batch_norm(x, m, v, w, b, True), F.batch_norm(x, m, v, w, b, True, use_global_stats=True, name="named"))
""")
nn("distances", "similarity, distance, bilinear maps", """
x, y = data([None, 4]), data([None, 4])
keep(F.cosine_similarity(x, y), F.cosine_similarity(x, y, 0, 1e-6), F.pairwise_distance(x, y), F.pairwise_distance(x, y, 1.0, 0.0, True, name="named"))
keep(F.bilinear(x, y, data([5, 4, 4])), F.bilinear(x, y, data([5, 4, 4]), data([1, 5]), name="named"), F.linear(x, data([4, 3]), data([3]), name="named"))
""")
nn("tables", "embedding, one hot, masks, smoothing", """
i = data([None, 3], "int64")
keep(F.embedding(i, data([9, 4])), F.embedding(i, data([9, 4]), -1, True, name="named"), F.one_hot(i, 5), F.one_hot(i, data([1], "int32")))
keep(F.sequence_mask(i, 5), F.sequence_mask(i, dtype="float32"), F.sequence_mask(i, data([1], "int64")), F.label_smooth(F.one_hot(i, 5)))
keep(F.label_smooth(data([None, 5]), data([1, 5]), 0.2, name="named"), F.gather_tree(data([5, 2, 3], "int64"), data([5, 2, 3], "int64")))
""")
nn("attention", "F.scaled_dot_product_attention without a mask, on the CPU", """
q, k, v = data([2, 5, 2, 8]), data([2, 6, 2, 8]), data([2, 6, 2, 8])
keep(F.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, dropout_p=0.1))
""")

# ---------------------------------------------------------------- functions: losses
REDUCED = """
def each(function, *args, **kwargs):
    for reduction in ("none", "mean", "sum"):
        keep(function(*args, reduction=reduction, **kwargs))
    keep(function(*args, name="named", **kwargs))
"""


def losses(name, about, source):
    nn("loss_" + name, about, REDUCED + source)


losses("binary", "binary cross entropies", """
x, y, w = data([None, 4]), data([None, 4]), data([4])
each(F.binary_cross_entropy, x, y)
keep(F.binary_cross_entropy(x, y, w))
each(F.binary_cross_entropy_with_logits, x, y)
keep(F.binary_cross_entropy_with_logits(x, y, w, pos_weight=data([4])))
each(F.sigmoid_focal_loss, x, y)
keep(F.sigmoid_focal_loss(x, y, normalizer=data([1]), alpha=0.3, gamma=1.5))
keep(F.log_loss(data([None, 1]), data([None, 1])), F.log_loss(data([None, 1]), data([None, 1]), 1e-3, name="named"))
each(F.multi_label_soft_margin_loss, x, y)
keep(F.multi_label_soft_margin_loss(x, y, w))
each(F.soft_margin_loss, x, data([None, 4], "int64"))
""")
losses("regression", "differences, squares, Huber, divergences", """
x, y = data([None, 4]), data([None, 4])
for f in (F.mse_loss, F.l1_loss, F.smooth_l1_loss):
    each(f, x, y)
keep(F.smooth_l1_loss(x, y, "mean", 0.5), F.square_error_cost(x, y))
for reduction in ("none", "mean", "sum", "batchmean"):
    keep(F.kl_div(x, y, reduction))
keep(F.kl_div(data([None, 4], "float64"), y, name="named"))
each(F.poisson_nll_loss, x, y)
keep(F.poisson_nll_loss(x, y, log_input=False, full=True, epsilon=1e-6))
""")
losses("gaussian", "F.gaussian_nll_loss asserts that variances are positive", """
x, y, v = data([None, 4]), data([None, 4]), data([None, 4])
keep(F.gaussian_nll_loss(x, y, v), F.gaussian_nll_loss(x, y, data([None, 1]), True, 1e-5, "sum", name="named"))
keep(F.gaussian_nll_loss(data([3, 4]), data([3, 4]), data([3]), reduction="none"))
""")
losses("margins", "margins and distances", """
x, y, z = data([None, 4]), data([None, 4]), data([None, 4])
each(F.margin_ranking_loss, x, y, z)
keep(F.margin_ranking_loss(x, y, z, 0.5))
each(F.hinge_embedding_loss, x, y)
keep(F.hinge_embedding_loss(x, y, 2.0))
each(F.cosine_embedding_loss, x, y, data([None], "int64"))
keep(F.cosine_embedding_loss(x, y, data([None]), margin=0.5))
each(F.triplet_margin_loss, x, y, z)
keep(F.triplet_margin_loss(x, y, z, margin=0.5, p=1, swap=True))
each(F.multi_margin_loss, x, data([None], "int64"))
keep(F.multi_margin_loss(x, data([None], "int64"), 2, 0.5, data([4])))
keep(F.npair_loss(data([3, 4]), data([3, 4]), data([3])), F.npair_loss(data([3, 4]), data([3, 4]), data([3], "int64"), 0.01))
keep(F.dice_loss(data([3, 5, 2]), data([3, 5, 1], "int64")))
""")
losses("classes", "losses over classes", """
x, i = data([None, 4]), data([None], "int64")
each(F.nll_loss, x, i)
keep(F.nll_loss(x, i, data([4]), 2))
keep(F.nll_loss(data([2, 4, 5, 6]), data([2, 5, 6], "int64")), F.nll_loss(data([2, 4, 5]), data([2, 5], "int64"), reduction="none"))
""")
losses("cross_entropy", "F.cross_entropy: weights, ignored labels, smoothing", """
x, i, j, w = data([None, 4]), data([None], "int64"), data([None, 1], "int64"), data([4])
each(F.cross_entropy, x, i)
keep(F.cross_entropy(x, j))
keep(F.cross_entropy(x, i, w))
keep(F.cross_entropy(x, j, w, 2))
keep(F.cross_entropy(x, i, ignore_index=2))
keep(F.cross_entropy(x, data([None, 4]), soft_label=True))
keep(F.cross_entropy(x, i, label_smoothing=0.1), F.cross_entropy(x, i, use_softmax=False))
keep(F.softmax_with_cross_entropy(x, j), F.softmax_with_cross_entropy(x, i, return_softmax=True), F.softmax_with_cross_entropy(x, data([None, 4]), True))
keep(F.cross_entropy(data([2, 4, 5]), data([2, 5], "int64"), axis=1), F.cross_entropy(data([2, 4, 5]), data([2, 5], "int64"), w, axis=1))
""")

# ---------------------------------------------------------------- layers
nn("layer_activations", "activations as layers", """
x, y = data([None, 4]), data([2, 4, 6, 6])
plain = [nn.CELU(0.5), nn.ELU(), nn.GELU(True), nn.GLU(), nn.Hardshrink(0.3), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(-2.0, 2.0), nn.LeakyReLU(0.2)]
plain += [nn.LogSigmoid(), nn.LogSoftmax(0), nn.Mish(), nn.PReLU(), nn.PReLU(4, 0.1), nn.RReLU(0.1, 0.2), nn.ReLU("r"), nn.ReLU6(), nn.SELU(), nn.Sigmoid()]
plain += [nn.Silu(), nn.Softmax(), nn.Softplus(2), nn.Softshrink(), nn.Softsign(), nn.Swish(), nn.Tanh(), nn.Tanhshrink(), nn.ThresholdedReLU(0.5)]
keep([layer(x) for layer in plain])
keep(nn.Maxout(2)(y), nn.Softmax2D()(y), nn.PReLU(4)(y))
kept.append([layer.full_name() for layer in plain])
""")
nn("layer_conv", "convolutions as layers", """
x, y, z = data([None, 4, 9]), data([None, 4, 9, 9]), data([None, 4, 5, 6, 7])
keep(nn.Conv1D(4, 6, 3)(x), nn.Conv1D(4, 6, 3, 2, 1, padding_mode="circular", bias_attr=False)(x), nn.Conv1D(4, 6, 3, groups=2, padding=[1, 2])(x))
keep(nn.Conv1DTranspose(4, 6, 3)(x), nn.Conv1DTranspose(4, 6, 3, 2, 1, 1, bias_attr=False)(x), nn.Conv1DTranspose(4, 6, 3, 2)(x, output_size=[20]))
keep(nn.Conv2D(4, 6, [3, 2])(y), nn.Conv2D(4, 4, 3, groups=4)(y), nn.Conv2D(4, 6, 3, padding=1, padding_mode="reflect")(y), nn.Conv2D(4, 6, 3, padding="SAME", weight_attr="cw")(y))
keep(nn.Conv2D(9, 6, 3, data_format="NHWC", padding=[1, 2])(y), nn.Conv2D(4, 6, 3, padding=2, padding_mode="replicate", dilation=2)(y))
keep(nn.Conv2DTranspose(4, 6, 3)(y), nn.Conv2DTranspose(4, 6, 3, 2, 1, 1)(y), nn.Conv2DTranspose(4, 6, 3, 2)(y, [20, 19]), nn.Conv2DTranspose(4, 4, 3, groups=4)(y))
keep(nn.Conv3D(4, 6, 3)(z), nn.Conv3D(4, 6, 3, padding=1, padding_mode="circular", groups=2)(z), nn.Conv3DTranspose(4, 6, 3)(z), nn.Conv3DTranspose(4, 6, 3, 2)(z, [12, 14, 16]))
""")
nn("layer_pooling", "pooling as layers", """
x, y, z = data([2, 4, 8]), data([2, 4, 8, 8]), data([2, 4, 8, 8, 8])
keep(nn.AvgPool1D(2)(x), nn.AvgPool2D(2, exclusive=False)(y), nn.AvgPool3D(2, divisor_override=3)(z), nn.MaxPool1D(2, ceil_mode=True)(x))
keep(nn.MaxPool2D(3, 2, 1)(y), nn.MaxPool3D(2)(z), nn.AdaptiveAvgPool1D(3)(x), nn.AdaptiveAvgPool2D((None, 3))(y), nn.AdaptiveAvgPool3D(2)(z))
keep(nn.AdaptiveMaxPool1D(3)(x), nn.AdaptiveMaxPool2D(3, True)(y), nn.AdaptiveMaxPool3D(2)(z))
keep(nn.MaxUnPool1D(2)(*nn.MaxPool1D(2, return_mask=True)(x)), nn.MaxUnPool2D(2)(*nn.MaxPool2D(2, return_mask=True)(y)))
keep(nn.MaxUnPool3D(2)(*nn.MaxPool3D(2, return_mask=True)(z)))
""")
nn("layer_norms", "norms as layers, training and not", """
x, y, z, v = data([None, 4, 8]), data([2, 4, 8, 8]), data([2, 4, 8, 8, 8]), data([None, 4])
layers = [nn.BatchNorm1D(4), nn.BatchNorm1D(4, weight_attr=False, name="own"), nn.BatchNorm2D(4, 0.8, 1e-3), nn.BatchNorm3D(4, bias_attr=False), nn.BatchNorm2D(4, use_global_stats=True)]
keep(layers[0](v), layers[0](x), layers[1](x), layers[2](y), layers[3](z), layers[4](y))
for layer in layers:
    layer.eval()
keep(layers[0](x), layers[2](y))
keep(nn.BatchNorm(4, "relu")(y), nn.BatchNorm(4, is_test=True, use_global_stats=True, param_attr="bw", moving_mean_name="mm")(y))
keep(nn.LayerNorm(8)(x), nn.LayerNorm([4, 8], 1e-3, False, False)(x), nn.GroupNorm(2, 4)(y), nn.GroupNorm(2, 4, weight_attr=False, bias_attr=False)(y))
keep(nn.GroupNorm(4, 8, data_format="NHWC")(y), nn.InstanceNorm1D(4)(data([2, 4, 8])), nn.InstanceNorm2D(4)(y), nn.InstanceNorm3D(4, weight_attr=False, bias_attr=False)(z))
keep(nn.LocalResponseNorm(3)(y))
""")
nn("layer_common", "linear maps, tables, dropout, padding, sizes", """
x, y, z, v = data([None, 4, 8]), data([None, 4, 8, 8]), data([None, 4, 8, 8, 8]), data([3, 4])
keep(nn.Linear(4, 3)(v), nn.Linear(8, 3, bias_attr=False, name="named")(x), nn.Bilinear(4, 4, 3)(v, v), nn.Bilinear(4, 4, 3, bias_attr=False, name="bi")(v, v))
keep(nn.Embedding(9, 4)(data([None, 3], "int64")), nn.Embedding(9, 4, -1, True, name="table")(data([None, 3], "int64")), nn.Identity(1, a=2)(v))
keep(nn.Dropout(0.3)(v), nn.Dropout(0.3, 1, "downscale_in_infer")(v), nn.Dropout2D(0.3)(y), nn.Dropout3D(0.3)(z), nn.AlphaDropout(0.3)(v))
keep(nn.Pad1D(1)(x), nn.Pad1D([1, 2], "reflect")(x), nn.Pad2D(1, value=2.0)(y), nn.Pad2D([1, 2, 3, 4], "replicate")(y), nn.ZeroPad2D(2)(y), nn.Pad3D(1, "circular")(z))
keep(nn.Upsample([5, 6])(y), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)(y), nn.UpsamplingNearest2D(5)(y), nn.UpsamplingBilinear2D(scale_factor=2)(y))
keep(nn.CosineSimilarity()(v, v), nn.PairwiseDistance(1.0, keepdim=True)(v, v), nn.Unfold(3, 2, 1, 2)(y), nn.Fold(8, 3, 1, 0, 1)(data([None, 36, 36])))
keep(nn.Flatten()(y), nn.Flatten(2, 3)(y), nn.PixelShuffle(2)(y), nn.PixelUnshuffle(2)(y), nn.ChannelShuffle(2)(y))
""")
nn("layer_losses", "losses as layers", """
x, y, z, i, w = data([None, 4]), data([None, 4]), data([None, 4]), data([None], "int64"), data([4])
for reduction in ("mean", "none"):
    keep(nn.BCELoss(w, reduction)(x, y), nn.BCEWithLogitsLoss(w, reduction, w)(x, y), nn.CrossEntropyLoss(reduction=reduction)(x, i))
    keep(nn.HingeEmbeddingLoss(2.0, reduction)(x, y), nn.KLDivLoss(reduction)(x, y), nn.L1Loss(reduction)(x, y), nn.MSELoss(reduction)(x, y))
keep(nn.MarginRankingLoss(0.5)(x, y, z), nn.MultiLabelSoftMarginLoss()(x, y), nn.MultiMarginLoss(2)(x, i), nn.NLLLoss(w)(x, i))
keep(nn.PoissonNLLLoss()(x, y), nn.SmoothL1Loss(delta=0.5)(x, y), nn.SoftMarginLoss()(x, y), nn.TripletMarginLoss()(x, y, z))
keep(nn.CosineEmbeddingLoss(0.5)(x, y, i), nn.GaussianNLLLoss(True)(x, y, z), nn.CrossEntropyLoss(w, 2, label_smoothing=0.0)(x, i))
""")
nn("layer_structure", "structured names, lists, dicts, parameters, buffers", """
class Net(nn.Layer):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(("first", nn.Linear(4, 5)), ("second", nn.LayerNorm(5)))
        self.heads = nn.LayerList([nn.Linear(5, 2), nn.Linear(5, 3)])
        self.heads.append(nn.Linear(5, 1))
        self.heads.insert(1, nn.ReLU())
        self.named = nn.LayerDict({"a": nn.Linear(5, 5), "b": nn.Tanh()})
        self.named["c"] = self.body
        self.scale = self.create_parameter([1], default_initializer=nn.initializer.Constant(2.0))
        self.extra = nn.ParameterList([self.create_parameter([2, 2]), self.create_parameter([3], is_bias=True)])
        self.norm = nn.BatchNorm1D(5)
        self.add_parameter("late", self.create_parameter([5], dtype="float64"))
        self.nothing = None
    def forward(self, x):
        h = self.named["b"](self.named["a"](self.body(x)))
        return [head(h * self.scale) for head in self.heads]
net = Net()
keep(net(data([None, 4])))
kept.append([name for name, _ in net.named_parameters()])
kept.append([parameter.name for parameter in net.parameters()])
kept.append([name for name, _ in net.named_sublayers()])
kept.append([name for name, _ in net.named_sublayers(include_self=True, prefix="net")])
kept.append(list(net.state_dict().keys()))
kept.append([layer.full_name() for layer in net.sublayers()])
kept.append([name for name, _ in net.named_children()])
kept.append([len(net.heads), len(net.body), len(net.extra), len(net.named), list(net.named.keys()), "a" in net.named])
net.eval()
kept.append([layer.training for layer in net.sublayers(include_self=True)])
del net.heads[1]
kept.append([name for name, _ in net.heads.named_parameters()])
seen = []
net.apply(lambda layer: seen.append(layer.full_name()))
kept.append(seen)
pre = net.body.register_forward_pre_hook(lambda layer, inputs: (inputs[0] * 2.0,))
post = net.body.register_forward_post_hook(lambda layer, inputs, outputs: outputs + 1.0)
keep(net.body(data([None, 4])))
pre.remove(), post.remove()
keep(net.body(data([None, 4])), net.body[0](data([None, 4])), net.body["first"](data([None, 4])))
""")
nn("layer_names", "camel case becomes snake case, a scope of one's own replaces it", """
class MyGoodNet2D(nn.Layer):
    pass
class HTTPNet(nn.Layer):
    pass
kept += [layer.full_name() for layer in (MyGoodNet2D(), HTTPNet(), nn.Layer("own"), nn.Layer(), MyGoodNet2D("own"), nn.ReLU6(), nn.GELU(), nn.LSTMCell(2, 3), nn.Conv2D(1, 1, 1))]
""")
nn("layer_attention", "MultiHeadAttention: masks, weights, widths", """
q, k, v = data([2, 5, 8]), data([2, 6, 4]), data([2, 6, 3])
keep(nn.MultiHeadAttention(8, 2)(q), nn.MultiHeadAttention(8, 2, 0.1, kdim=4, vdim=3, need_weights=True)(q, k, v))
layer = nn.MultiHeadAttention(8, 2, bias_attr=False)
keep(layer(q, q, q, data([2, 2, 5, 5])), layer(q, q, q, data([2, 2, 5, 5], "bool")), layer(q, q, q, data([2, 1, 1, 5], "int64")))
kept.append([name for name, _ in layer.named_parameters()])
""")
nn("attention_cache", "MultiHeadAttention: caches", """
q, k = data([2, 1, 8]), data([2, 6, 8])
layer = nn.MultiHeadAttention(8, 2)
static_cache = layer.gen_cache(k, k, layer.StaticCache)
keep(layer(q, k, k, None, static_cache))
cache = layer.gen_cache(data([2, 2, 3, 4]), data([2, 2, 3, 4]))
keep(layer(q, q, q, None, cache))
keep(layer(q, q, q, None, layer.gen_cache(q)))
""")
nn("transformer", "encoder and decoder layers, both orders of the norm", """
x, m = data([2, 5, 8]), data([2, 6, 8])
keep(nn.TransformerEncoderLayer(8, 2, 16)(x), nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", 0.1, 0.2, True, bias_attr=False)(x, data([2, 1, 5, 5], "bool")))
keep(nn.TransformerDecoderLayer(8, 2, 16)(x, m), nn.TransformerDecoderLayer(8, 2, 16, 0.0, normalize_before=True)(x, m, data([2, 1, 5, 5]), data([2, 1, 1, 6], "int64")))
layer = nn.TransformerEncoderLayer(8, 2, 16, bias_attr=[False, None])
kept.append([name for name, _ in layer.named_parameters()])
""")
nn("transformer_whole", "stacks, a whole transformer, masks, caches", """
x, m = data([2, 5, 8]), data([2, 6, 8])
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, nn.LayerNorm(8))
decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.0), 2)
keep(encoder(x), decoder(x, m))
step = data([2, 1, 8])
keep(encoder(step, None, encoder.gen_cache(step))[0], decoder(step, m, cache=decoder.gen_cache(m))[0])
net = nn.Transformer(8, 2, 1, 1, 16, 0.0)
keep(net(x, m, data([2, 1, 5, 5]), net.generate_square_subsequent_mask(6)))
kept.append([name for name, _ in net.named_parameters()])
""")
nn("rnn", "cells run over sequences: forwards, backwards, lengths, both ways", """
x, n = data([2, 5, 6]), data([2], "int64")
layer = nn.RNN(nn.SimpleRNNCell(6, 4))
keep(layer(x))
keep(nn.RNN(nn.LSTMCell(6, 4), is_reverse=True)(x))
keep(nn.RNN(nn.GRUCell(6, 4), time_major=True)(data([5, 2, 6]), data([2, 4])))
keep(nn.BiRNN(nn.GRUCell(6, 4), nn.GRUCell(6, 4))(x))
kept.append([name for name, _ in layer.named_parameters()])
lstm = nn.LSTM(6, 4, 2, "bidirect")
kept.append([name for name, _ in lstm.named_parameters()])
kept.append(list(lstm.state_dict().keys()))
kept.append([name for name, _ in lstm.named_sublayers()])
""")
nn("rnn_unknown_batch", "a batch that is not known", """
keep(nn.RNN(nn.LSTMCell(6, 4))(data([None, None, 6])))
keep(nn.RNN(nn.SimpleRNNCell(6, 4, "relu"))(data([None, 5, 6]), data([None, 4])))
""")
nn("rnn_lengths", "lengths of the sequences", """
keep(nn.GRU(6, 4)(data([2, 5, 6]), None, data([2], "int64")))
""")
nn("decode", "beam search in a loop", """
embedding, output = nn.Embedding(9, 6), nn.Linear(4, 9)
cell = nn.GRUCell(6, 4)
decoder = nn.BeamSearchDecoder(cell, 0, 1, 3, embedding, output)
outputs, states = nn.dynamic_decode(decoder, data([2, 4]), 5)
keep(outputs, states.log_probs, states.lengths)
keep(nn.BeamSearchDecoder.tile_beam_merge_with_batch(data([2, 5, 4]), 3))
""")
nn("decode_test", "beam search without gradients, with lengths", """
embedding, output = nn.Embedding(9, 6), nn.Linear(4, 9)
decoder = nn.BeamSearchDecoder(nn.LSTMCell(6, 4), 0, 1, 2, embedding, output)
outputs, states, lengths = nn.dynamic_decode(decoder, [data([2, 4]), data([2, 4])], 4, is_test=True, return_length=True, output_time_major=True)
keep(outputs, lengths)
""")

# ---------------------------------------------------------------- initializers, detection, graphs
nn("initializers", "initializers of several operators", """
init = nn.initializer
w = [static.create_parameter([4, 3], "float32", default_initializer=init.Orthogonal()),
     static.create_parameter([3, 2, 4], "float64", default_initializer=init.Orthogonal(2.0)),
     static.create_parameter([2, 2, 4, 4], "float32", default_initializer=init.Bilinear()),
     static.create_parameter([1, 2, 3, 3], "float64", default_initializer=init.Bilinear()),
     static.create_parameter([4, 2, 3], "float32", default_initializer=init.Dirac()),
     static.create_parameter([4, 3, 3, 2], "float64", default_initializer=init.Dirac(2))]
keep(w)
layer = nn.Conv2D(2, 4, 3, weight_attr=paddle.ParamAttr(initializer=init.Dirac()))
keep(nn.Linear(4, 3, weight_attr=init.Orthogonal())(data([None, 4])))
""")
nn("global_initializer", "a global initializer in place of the layers' own, but not of an attribute's", """
init = nn.initializer
init.set_global_initializer(init.Uniform(-0.5, 0.5), init.Constant(1.0))
try:
    keep(nn.Linear(4, 3)(data([None, 4])), nn.Conv2D(2, 3, 3, weight_attr=init.Constant(2.0))(data([None, 2, 5, 5])))
    keep(static.nn.fc(data([None, 4]), 3), nn.LayerNorm(4)(data([None, 4])))
finally:
    init.set_global_initializer(None, None)
keep(nn.Linear(4, 3)(data([None, 4])))
""")
nn("regions", "deformable convolutions, pooling of regions", """
ops = paddle.vision.ops
x, offset, boxes, count = data([2, 4, 8, 8]), data([2, 18, 6, 6]), data([5, 4]), data([2], "int32")
keep(ops.deform_conv2d(x, offset, data([6, 4, 3, 3])), ops.deform_conv2d(x, offset, data([6, 2, 3, 3]), data([6]), groups=2, mask=data([2, 9, 6, 6]), name="named"))
keep(ops.DeformConv2D(4, 6, 3)(x, offset), ops.DeformConv2D(4, 6, 3, bias_attr=False)(x, offset, data([2, 9, 6, 6])))
keep(ops.RoIPool(2)(x, boxes, count), ops.RoIAlign((2, 3), 0.5)(x, boxes, count, aligned=False))
""")
nn("graphs", "messages along edges, nodes numbered anew, neighbours at random", """
g, incubate, ints = paddle.geometric, paddle.incubate, lambda dtype="int64": data([None], dtype)
x, y, src, dst = data([None, 3]), data([None, 1]), ints(), ints()
for op in ("add", "sub", "mul", "div"):
    keep(g.send_ue_recv(x, y, src, dst, op, "max", out_size=4), g.send_uv(x, y, src, dst, op))
keep(g.send_ue_recv(data([None]), data([None]), src, dst, reduce_op="mean"))
keep(*g.reindex_graph(ints(), ints(), ints("int32")), *g.reindex_heter_graph(ints(), [ints(), ints()], [ints("int32"), ints("int32")]))
row, colptr, nodes, eids = ints(), ints(), ints(), ints()
keep(*g.sample_neighbors(row, colptr, nodes, 2), *g.sample_neighbors(row, colptr, nodes, 2, eids, True))
keep(*g.weighted_sample_neighbors(row, colptr, data([None]), nodes, 2), *g.weighted_sample_neighbors(row, colptr, data([None]), nodes, 2, eids, True))
keep(*incubate.graph_reindex(ints(), ints(), ints("int32")), *incubate.graph_sample_neighbors(row, colptr, nodes, sample_size=2))
keep(*incubate.graph_khop_sampler(row, colptr, nodes, [2, 3]), *incubate.graph_khop_sampler(row, colptr, nodes, [2], eids, True))
""")
nn("transducer", "losses of a transducer", """
x, label, lengths = data([3, 4, 3, 5]), data([3, 2], "int32"), [data([3], "int32"), data([3], "int32")]
keep(*[F.rnnt_loss(x, label, *lengths, blank=1, reduction=kind) for kind in ("mean", "sum", "none")], nn.RNNTLoss(0, 0.5)(x, label, *lengths))
""")
