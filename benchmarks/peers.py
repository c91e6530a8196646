#!/usr/bin/env python3
"""Times the models of models/export.py with several inference engines, side by side.

    python peers.py FOLDER --paddle-python PY26 --peers-python PYPEERS
                    [--skiff "COMMAND {model} {batch} {threads}"] [--models lenet ...] [--batch N]
                    [--threads N] [--rounds N] [--seconds S] [--peers paddle onnxruntime ...]

Each engine runs in a process of its own (peer_worker.py), loads once, and answers one round at a time;
rounds of the engines alternate, so that a slow moment of the machine touches all of them alike. The
result is one JSON object on standard output: machine, settings and, per model and peer, version, load
and first-run time, error against Paddle's recorded outputs, and min and median of all timed runs; on a
machine with other work to do, the median of the processor time says more than that of the wall time.

--skiff takes any command that speaks the protocol of peer_worker.py; {model}, {batch}, {threads} are
replaced. With `--skiff "python3 benchmarks/peer_worker.py skiff --model {model} --batch {batch}
--threads {threads}"` the Python interface is timed. An engine that fails is reported with its last words.
"""
import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
INTERPRETER = {"paddle": "paddle_python", "paddle_plain": "paddle_python", "onnxruntime": "peers_python",
               "openvino": "peers_python", "openvino_onnx": "peers_python"}


class Worker:
    """One running engine."""

    def __init__(self, command, threads):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        self.times, self.cpu = [], []
        self.report = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            words = self.log.read().strip().splitlines()
            raise RuntimeError(f"exit code {self.process.returncode}: " + " | ".join(words[-3:]))
        return json.loads(line)

    def round(self, seconds):
        print("round", seconds, file=self.process.stdin, flush=True)
        answer = self.read()
        self.times += answer["times_s"]
        self.cpu += answer.get("cpu_s", [])

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.log.close()

    def summary(self):
        cpu = {"median_cpu_ms": 1e3 * statistics.median(self.cpu)} if self.cpu else {}
        return {**self.report, "runs": len(self.times), "min_ms": 1e3 * min(self.times),
                "median_ms": 1e3 * statistics.median(self.times), **cpu}


def command_of(peer, model, options):
    values = {"model": str(model), "batch": options.batch, "threads": options.threads}
    if peer == "skiff":
        return [word.format(**values) for word in shlex.split(options.skiff)]
    python = getattr(options, INTERPRETER[peer])
    return [python, str(HERE / "peer_worker.py"), peer, "--model", str(model), "--batch", str(options.batch),
            "--threads", str(options.threads)]


def measure(model, peers, options):
    """{peer: summary or {"failed": why}} of one model."""
    results, workers = {}, {}
    for peer in peers:
        try:
            workers[peer] = Worker(command_of(peer, model, options), options.threads)
        except (RuntimeError, OSError) as failure:
            results[peer] = {"failed": str(failure)}
    for _ in range(options.rounds):
        for peer, worker in list(workers.items()):
            try:
                worker.round(options.seconds)
            except (RuntimeError, OSError) as failure:
                results[peer] = {"failed": str(failure)}
                workers.pop(peer).close()
    for peer, worker in workers.items():
        worker.close()
        results[peer] = worker.summary()
    return results


def measure_loads(model, peers, options):
    """{peer: median times until a fresh process has the engine imported and the model ready}."""
    loads = {peer: [] for peer in peers}
    for _ in range(options.loads):
        for peer in peers:
            worker = Worker(command_of(peer, model, options), options.threads)
            loads[peer].append(worker.report)
            worker.close()
    return {peer: {key: statistics.median(report[key] for report in reports) for key in ("load_s", "load_cpu_s", "first_run_s")}
            for peer, reports in loads.items()}


def cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what models/export.py wrote")
    parser.add_argument("--paddle-python", help="an interpreter with paddlepaddle 2.6.2")
    parser.add_argument("--peers-python", help="an interpreter with onnxruntime and openvino")
    parser.add_argument("--skiff", help="command of a further peer")
    parser.add_argument("--models", nargs="+", help="default: every .pdmodel of the folder")
    parser.add_argument("--peers", nargs="+", choices=[*INTERPRETER, "skiff"], help="default: all that can run")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loads", type=int, default=0, metavar="N",
                        help="time loading alone: start each engine N times, in turn")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one round of one peer")
    options = parser.parse_args()
    able = [peer for peer, flag in INTERPRETER.items() if getattr(options, flag)] + (["skiff"] if options.skiff else [])
    peers = options.peers or able
    unable = [peer for peer in peers if peer not in able]
    if unable or not peers:
        parser.error("no interpreter or command given for: " + ", ".join(unable or ["any peer"]))
    models = options.models or sorted(path.stem for path in options.folder.glob("*.pdmodel"))
    result = {"cpu": cpu_name(), "threads": options.threads, "batch": options.batch, "rounds": options.rounds,
              "seconds": options.seconds, "models": {}}
    for name in models if options.loads else ():
        result["models"][name] = measure_loads(options.folder / name, peers, options)
    for name in models if not options.loads else ():
        result["models"][name] = measure(options.folder / name, peers, options)
        for peer, row in result["models"][name].items():
            words = row.get("failed") or f"{row['median_ms']:9.3f} ms median {row['min_ms']:9.3f} min  error {row['error']}"
            print(f"{name:12} {peer:14} {words}", file=sys.stderr)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
