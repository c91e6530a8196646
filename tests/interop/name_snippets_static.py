"""More snippets: averages of parameters, measures, gradient merge. See name_snippets.py."""
from name_snippets import snippet

NETWORK = """
x, y = static.data("x", [None, 4], "float32"), static.data("y", [None, 1], "float32")
loss = paddle.mean(paddle.square(static.nn.fc(x, 1) - y))
"""

snippet("exponential_average", "an average with a name of its own", NETWORK + """
paddle.optimizer.SGD(0.1).minimize(loss)
average = static.ExponentialMovingAverage(0.9, name="smooth")
average.update()
result = [[v.name for v in sorted(p.list_vars(), key=lambda v: v.name)] for p in (average.restore_program,)]
""")
snippet("model_average", "sums for an average of one parameter", NETWORK + """
paddle.optimizer.SGD(0.1).minimize(loss)
weight = static.default_main_program().global_block().var("fc_0.w_0")
average = paddle.incubate.ModelAverage(0.15, parameters=[weight], min_average_window=100, max_average_window=200)
result = [op.type for p in (average.apply_program, average.restore_program) for op in p.global_block().ops]
""")
snippet("look_ahead", "adam that looks ahead", NETWORK + """
paddle.incubate.LookAhead(paddle.optimizer.Adam(0.1), alpha=0.8, k=7).minimize(loss)
""")
snippet("gradient_merge", "adam every third step, by the sum of gradients", NETWORK + """
paddle.incubate.optimizer.GradientMergeOptimizer(paddle.optimizer.Adam(0.1), k_steps=3, avg=False).minimize(loss)
""")
snippet("auc", "areas under the curve", """
chance, label = static.data("chance", [None, 2], "float32"), static.data("label", [None, 1], "int64")
whole, recent, counts = static.auc(chance, label, curve="PR", num_thresholds=15, slide_steps=3)
result = [whole.name, recent.name, [v.name for v in counts]]
""")
snippet("ctr_metric_bundle", "sums for clicks", """
chance, label = static.data("chance", [None, 1], "float32"), static.data("label", [None, 1], "float32")
result = [v.name for v in static.ctr_metric_bundle(chance, label)]
result += [v.name for v in static.ctr_metric_bundle(chance, label, static.data("weight", [None, 1], "float32"))]
""")
snippet("metric_accuracy", "what the accuracy measure computes in a program", """
chances = static.data("chances", [None, 5], "float32")
measure = paddle.metric.Accuracy(topk=(1, 3))
outs = [measure.compute(chances, static.data(n, s, "int64")) for n, s in (("a", [None]), ("b", [None, 1]), ("c", [None, 5]))]
result = [[v.name for v in outs], measure.name()]
""")
snippet("metric_values", "measures over two batches", """
random = np.random.RandomState(3)
result = []
for batch in range(2):
    chance, label = random.uniform(0, 1, (9, 1)).astype("float32"), random.randint(0, 2, (9, 1))
    if not result:
        measures = [paddle.metric.Precision(), paddle.metric.Recall(), paddle.metric.Auc("PR", num_thresholds=20),
                    paddle.metric.Accuracy(topk=(1, 2))]
    for measure in measures[:2]:
        measure.update(chance, label)
    measures[2].update(np.concatenate([1 - chance, chance], 1), label)
    result.append([float(share) for share in measures[3].update(random.randint(0, 2, (9, 2)).astype("float32"))])
    result.append([np.array(measure.accumulate(), "float64").tolist() for measure in measures])
for measure in measures:
    measure.reset()
    result.append([np.array(measure.accumulate(), "float64").tolist(), measure.name()])
""")
snippet("filled_named", "tensors of one value with names", """
extent = paddle.full([], 2, "int32")
tensors = [paddle.full([2], 1.5, name="a"), paddle.ones([2], name="b"), paddle.zeros([2], "int32", name="a"),
           paddle.full([extent, 3], 1.0, name="c"), paddle.ones([2])]
result = [t.name for t in tensors]
""")
snippet("group_norm_bare", "group norms with and without scale and shift", """
x = static.data("x", [None, 4, 3, 3], "float32")
outs = [static.nn.group_norm(x, 2), static.nn.group_norm(x, 2, param_attr=paddle.ParamAttr(name="w"), act="relu"),
        static.nn.group_norm(x, 4, bias_attr=paddle.ParamAttr(name="b"), data_layout="NCHW", name="named")]
result = [y.name for y in outs]
""")
snippet("bilinear_tensor_product", "products of pairs of vectors", """
x, y = static.data("x", [None, 4], "float32"), static.data("y", [None, 3], "float32")
outs = [static.nn.bilinear_tensor_product(x, y, 5, act="tanh"), static.nn.bilinear_tensor_product(x, y, 2, name="named", bias_attr=False)]
result = [out.name for out in outs]
""")
snippet("nce", "noise-contrastive estimation with each sampler, trained", """
x, y = static.data("x", [None, 4], "float32"), static.data("y", [None, 1], "int64")
weight = static.data("weight", [None, 1], "float32")
costs = [static.nn.nce(x, y, 20, num_neg_samples=3, seed=5, sample_weight=weight),
         static.nn.nce(x, y, 20, bias_attr=False, sampler="log_uniform", param_attr="w", name="named"),
         static.nn.nce(x, y, 6, sampler="custom_dist", custom_dist=[0.1, 0.2, 0.1, 0.2, 0.3, 0.1])]
paddle.optimizer.SGD(0.1).minimize(paddle.mean(paddle.add_n(costs)))
result = [cost.name for cost in costs]
""")
snippet("filters", "layers with filters of their own kind", """
v = static.data("v", [2, 3, 4, 5, 6], "float32")
x, offset, mask = static.data("x", [2, 4, 8, 8], "float32"), static.data("offset", [2, 18, 6, 6], "float32"), static.data("mask", [2, 9, 6, 6], "float32")
result = [[out.name, list(out.shape)] for out in (
    static.nn.conv3d_transpose(v, 4, filter_size=3), static.nn.conv3d_transpose(v, 4, output_size=[8, 10, 12], stride=2, padding=1, act="relu"),
    static.nn.conv3d_transpose(v, 6, filter_size=[1, 2, 3], groups=3, bias_attr=False),
    static.nn.deform_conv2d(x, offset, mask, 6, 3), static.nn.deform_conv2d(x, offset, None, 6, 3, bias_attr=False, groups=2))]
""")
snippet("margins", "softmax with margins", """
logits, label = static.data("logits", [None, 5], "float32"), static.data("label", [None], "int64")
F = paddle.nn.functional
result = [out.name for out in (F.margin_cross_entropy(logits, label), *F.margin_cross_entropy(logits, paddle.unsqueeze(label, -1), 1.0, 0.3, 0.1, 30.0, return_softmax=True, reduction=None))]
""")
snippet("data_norm", "statistics of all data, with and without a name", """
x = static.data("x", [None, 4], "float32")
result = [static.nn.data_norm(x).name, static.nn.data_norm(x, name="wide", slot_dim=2, enable_scale_and_shift=True, param_attr={"bias": 0.5}).name]
paddle.optimizer.SGD(0.1).minimize(paddle.mean(static.nn.data_norm(x, act="relu", name="third")))
""")
