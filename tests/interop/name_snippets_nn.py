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
