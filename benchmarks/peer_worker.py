#!/usr/bin/env python3
"""One inference engine, one model, one process: answers "round" lines with timings.

    python peer_worker.py PEER --model PREFIX [--batch N] [--threads N]

PEER is paddle (Paddle Inference with oneDNN), paddle_plain (without), onnxruntime, openvino (reads the
.pdmodel itself), openvino_onnx, or skiff. PREFIX is a model of models/export.py.

Protocol, one JSON object a line on standard output:
  first   {"peer", "version", "load_s", "load_cpu_s", "first_run_s", "error"}; loading begins with the import of
          the engine and is wall and processor time; error is the largest difference from the
          reference outputs, relative to the largest reference value of each output
  then    for every line "round SECONDS" on standard input: {"times_s": [...], "cpu_s": [...]}, wall and processor
          time of each run (cpu_s may be left out), runs for at least SECONDS and at least one run; "quit" or
          the end of input ends the process.
Any program that speaks this can be given to peers.py as a further peer.
"""
import argparse
import json
import os
import sys
import time


def paddle_inference(prefix, threads, onednn):
    import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
    import paddle
    from paddle import inference
    config = inference.Config(prefix + ".pdmodel", prefix + ".pdiparams")
    config.disable_gpu()
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    config.switch_ir_optim(True)
    config.enable_memory_optim()
    if onednn:
        config.enable_mkldnn()
        config.set_mkldnn_cache_capacity(10)
    else:
        config.disable_mkldnn()  # 2.6 turns it on by itself
    predictor = inference.create_predictor(config)
    fetch = [predictor.get_output_handle(name) for name in predictor.get_output_names()]

    def run(feed):
        for name, value in feed.items():
            predictor.get_input_handle(name).copy_from_cpu(value)
        predictor.run()
        return [handle.copy_to_cpu() for handle in fetch]
    return paddle.__version__, run


def onnxruntime(prefix, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(prefix + ".onnx", options, providers=["CPUExecutionProvider"])
    return ort.__version__, lambda feed: session.run(None, feed)


def openvino(prefix, threads, suffix):
    import openvino as ov
    core = ov.Core()
    compiled = core.compile_model(prefix + suffix, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                           "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    names = [sorted(port.get_names()) for port in compiled.inputs]

    def run(feed):
        # share_outputs is left off: the caller gets arrays of its own, as from the other engines
        result = request.infer({i: next(feed[n] for n in known if n in feed) for i, known in enumerate(names)})
        return [result[i] for i in range(len(compiled.outputs))]
    return ov.__version__.split("-")[0], run


def skiff(prefix, threads):
    import skiff as framework
    predictor = framework.inference.Predictor(prefix, threads=threads)
    return framework.__version__, predictor.run


PEERS = {
    "paddle": lambda prefix, threads: paddle_inference(prefix, threads, True),
    "paddle_plain": lambda prefix, threads: paddle_inference(prefix, threads, False),
    "onnxruntime": onnxruntime,
    "openvino": lambda prefix, threads: openvino(prefix, threads, ".pdmodel"),
    "openvino_onnx": lambda prefix, threads: openvino(prefix, threads, ".onnx"),
    "skiff": skiff,
}


def reference(prefix, batch):
    """Feed and outputs of `batch` samples: the recorded samples, repeated as often as needed."""
    import numpy as np
    saved = np.load(prefix + "_io.npz")

    def samples(array):
        return np.ascontiguousarray(np.resize(array, (batch,) + array.shape[1:]))
    feed = {key.split("__", 1)[1]: samples(saved[key]) for key in saved.files if key.startswith("in_")}
    return feed, [samples(saved[f"out_{i}"]) for i in range(len(saved.files) - len(feed))]


def largest_error(outputs, wanted):
    import numpy as np
    if [np.shape(o) for o in outputs] != [w.shape for w in wanted]:
        return None
    return max(float(np.abs(np.asarray(o) - w).max() / np.abs(w).max()) for o, w in zip(outputs, wanted))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--model", required=True, help="path of a model without its suffix")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # an engine's own chatter on standard output must not mix with the answers

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    feed, wanted = reference(options.model, options.batch)
    start, busy_start = time.perf_counter(), time.process_time()
    version, run = PEERS[options.peer](options.model, options.threads)
    loaded, load_cpu = time.perf_counter(), time.process_time() - busy_start
    outputs = run(feed)
    ran = time.perf_counter()
    answer(peer=options.peer, version=version, load_s=loaded - start, load_cpu_s=load_cpu, first_run_s=ran - loaded,
           error=largest_error(outputs, wanted))
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        times, busy, enough = [], [], time.perf_counter() + float(words[1])
        while not times or time.perf_counter() < enough:
            cpu, begin = time.process_time(), time.perf_counter()
            run(feed)
            times.append(time.perf_counter() - begin)
            busy.append(time.process_time() - cpu)
        answer(times_s=times, cpu_s=busy)


if __name__ == "__main__":
    main()
