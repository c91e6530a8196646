"""Learns to read handwritten digits with the static API and saves the inference model.

usage: train_digits.py [EPOCHS]     reads data/digits of the checkout
"""
import gzip
import pathlib
import struct
import sys

import numpy as np
import skiff as paddle

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "digits"


def read_idx(name):
    """An idx file as a uint8 array."""
    content = gzip.decompress((DATA / name).read_bytes())
    rank = content[3]
    shape = struct.unpack(f">{rank}I", content[4:4 + 4 * rank])
    return np.frombuffer(content, "uint8", offset=4 + 4 * rank).reshape(shape)


def digits(part):
    """Images [count, 1, 28, 28] from -1 (paper) to 1 (ink), and labels [count, 1]."""
    images = read_idx(f"{part}-images-idx3-ubyte.gz")[:, None].astype("float32") / 127.5 - 1
    return images, read_idx(f"{part}-labels-idx1-ubyte.gz")[:, None].astype("int64")


def shifted(images, random):
    """Each image moved by up to three pixels, as other hands would place it."""
    moves = random.integers(-3, 4, (len(images), 2))
    return np.stack([np.roll(image, tuple(move), (1, 2)) for image, move in zip(images, moves)])


def main(epochs):
    paddle.enable_static()
    paddle.seed(1)
    image = paddle.static.data("image", [None, 1, 28, 28])
    label = paddle.static.data("label", [None, 1], "int64")
    x = paddle.static.nn.conv2d(image, 6, 5, padding=2, act="relu")
    x = paddle.nn.functional.max_pool2d(x, 2)
    x = paddle.static.nn.conv2d(x, 16, 5, act="relu")
    x = paddle.nn.functional.max_pool2d(x, 2)
    x = paddle.static.nn.fc(x, 120, activation="relu")
    x = paddle.static.nn.fc(x, 84, activation="relu")
    logits = paddle.static.nn.fc(x, 10)
    loss = paddle.nn.functional.cross_entropy(logits, label)
    program = paddle.static.default_main_program()
    test = program.clone(for_test=True)
    paddle.optimizer.Adam(learning_rate=1e-3).minimize(loss)

    executor = paddle.static.Executor(paddle.CPUPlace())
    executor.run(paddle.static.default_startup_program())
    images, labels = digits("train")
    held_images, held_labels = digits("t10k")
    random = np.random.default_rng(1)
    for epoch in range(epochs):
        losses = []
        for batch in np.array_split(random.permutation(len(images)), len(images) // 32):
            feed = {"image": shifted(images[batch], random), "label": labels[batch]}
            losses.append(executor.run(program, feed=feed, fetch_list=[loss])[0])
        answers, = executor.run(test, feed={"image": held_images, "label": held_labels}, fetch_list=[logits.name])
        right = np.mean(answers.argmax(1) == held_labels[:, 0])
        print(f"epoch {epoch + 1:2}  loss {np.mean(losses):.4f}  {100 * right:.1f} % of the held-out digits", flush=True)
    paddle.static.save_inference_model("digits_model/python", [image], [logits], executor, program=test)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
