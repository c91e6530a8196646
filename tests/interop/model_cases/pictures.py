"""Nets that turn pictures into pictures or features: segmentation, generation, text detection, attention over windows."""
import numpy as np

from . import Input, image, model

BOTH = ("jit", "static")


def conv_norm(nn, inputs, outputs, size=3, stride=1, **options):
    return nn.Sequential(nn.Conv2D(inputs, outputs, size, stride, padding=(size - 1) // 2 * options.get("dilation", 1), bias_attr=False, **options),
                         nn.BatchNorm2D(outputs), nn.ReLU())


@model(image(3, 32, free=(1, 2)), styles=BOTH)
def unet(paddle):
    """Sides are multiples of 4 or not: what comes up is padded to what went down."""
    nn = paddle.nn

    class UNet(nn.Layer):
        def __init__(self):
            super().__init__()
            self.down = nn.LayerList([conv_norm(nn, 3, 8), conv_norm(nn, 8, 16), conv_norm(nn, 16, 32)])
            self.raised = nn.LayerList([nn.Conv2DTranspose(32, 16, 2, 2), nn.Conv2DTranspose(16, 8, 2, 2)])
            self.up = nn.LayerList([conv_norm(nn, 32, 16), conv_norm(nn, 16, 8)])
            self.pool, self.output = nn.MaxPool2D(2, 2), nn.Conv2D(8, 2, 1)

        def forward(self, image):
            skips, x = [], image
            for number, block in enumerate(self.down):
                x = block(x if number == 0 else self.pool(x))
                skips.append(x)
            for raised, block, skip in zip(self.raised, self.up, reversed(skips[:-1])):
                x = raised(x)
                rows, columns = paddle.shape(skip)[2] - paddle.shape(x)[2], paddle.shape(skip)[3] - paddle.shape(x)[3]
                x = paddle.nn.functional.pad(x, paddle.concat([paddle.zeros([1], "int32"), columns.reshape([1]), paddle.zeros([1], "int32"), rows.reshape([1])]))
                x = block(paddle.concat([skip, x], axis=1))
            return self.output(x)

    return UNet()


@model(Input("noise", [16]), styles=BOTH)
def generator(paddle):
    nn = paddle.nn

    class Generator(nn.Layer):
        def __init__(self):
            super().__init__()
            self.start = nn.Linear(16, 32 * 4 * 4)
            self.net = nn.Sequential(nn.BatchNorm2D(32), nn.ReLU(), nn.Conv2DTranspose(32, 16, 4, 2, 1), nn.BatchNorm2D(16), nn.LeakyReLU(0.2),
                                     nn.Conv2DTranspose(16, 8, 3, 2, 1, output_padding=1), nn.BatchNorm2D(8), nn.ReLU(),
                                     nn.Conv2DTranspose(8, 8, 3, 1, 1, groups=2), nn.PReLU(8), nn.Conv2DTranspose(8, 3, 5, 2, 2, output_padding=1))

        def forward(self, noise):
            return paddle.tanh(self.net(paddle.reshape(self.start(noise), [-1, 32, 4, 4])))

    return Generator()


@model(image(3, 32))
def vit(paddle):
    nn = paddle.nn

    class Vit(nn.Layer):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2D(3, 32, 8, 8)
            normal = nn.initializer.TruncatedNormal(std=0.5)
            self.token = self.create_parameter([1, 1, 32], default_initializer=normal)
            self.positions = self.create_parameter([1, 17, 32], default_initializer=normal)
            self.blocks = nn.LayerList([nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", normalize_before=True) for _ in range(2)])
            self.norm, self.head = nn.LayerNorm(32, 1e-6), nn.Linear(32, 10)

        def forward(self, image):
            x = self.patches(image).flatten(2).transpose([0, 2, 1])
            x = paddle.concat([self.token.expand([paddle.shape(x)[0], -1, -1]), x], axis=1) + self.positions
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x)[:, 0])

    return Vit()


SIDE = 4  # of a window


def windows_of(paddle, x, side):
    """[batch, 16, 16, channels] -> [windows, side * side, channels]."""
    parts = x.reshape([-1, 16 // side, side, 16 // side, side, x.shape[-1]])
    return parts.transpose([0, 1, 3, 2, 4, 5]).reshape([-1, side * side, x.shape[-1]])


@model(image(3, 32))
def swin(paddle):
    """Attention inside windows, shifted by half a window, with a bias for each relative position; patches merged by four."""
    nn, side = paddle.nn, SIDE
    at = np.stack(np.meshgrid(range(side), range(side), indexing="ij")).reshape(2, -1)
    apart = (at[:, :, None] - at[:, None]) + side - 1
    regions = np.zeros((1, 16, 16, 1), "float32")
    for number, (rows, columns) in enumerate((r, c) for r in (slice(0, -4), slice(-4, -2), slice(-2, None)) for c in (slice(0, -4), slice(-4, -2), slice(-2, None))):
        regions[:, rows, columns] = number
    regions = regions.reshape(1, 4, side, 4, side, 1).transpose(0, 1, 3, 2, 4, 5).reshape(16, side * side)
    apart_regions = np.where(regions[:, None] == regions[:, :, None], 0, -100).astype("float32")

    class Block(nn.Layer):
        def __init__(self, shift):
            super().__init__()
            self.shift, self.norm, self.norm2 = shift, nn.LayerNorm(16), nn.LayerNorm(16)
            self.qkv, self.out, self.mlp = nn.Linear(16, 48), nn.Linear(16, 16), nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
            self.bias = self.create_parameter([(2 * side - 1) ** 2, 2], default_initializer=nn.initializer.Normal(0, 0.5))
            self.register_buffer("index", paddle.to_tensor((apart[0] * (2 * side - 1) + apart[1]).reshape(-1)))
            self.register_buffer("mask", paddle.to_tensor(apart_regions))

        def attend(self, x):
            q, k, v = self.qkv(x).reshape([-1, SIDE * SIDE, 3, 2, 8]).transpose([2, 0, 3, 1, 4]).unbind(0)
            weights = paddle.matmul(q * 8 ** -0.5, k.transpose([0, 1, 3, 2]))
            weights = weights + paddle.index_select(self.bias, self.index).reshape([16, 16, 2]).transpose([2, 0, 1]).unsqueeze(0)
            if self.shift:
                weights = weights.reshape([-1, 16, 2, 16, 16]) + self.mask.unsqueeze(1).unsqueeze(0)
                weights = weights.reshape([-1, 2, 16, 16])
            return self.out(paddle.matmul(paddle.nn.functional.softmax(weights), v).transpose([0, 2, 1, 3]).reshape([-1, SIDE * SIDE, 16]))

        def forward(self, x):
            y = self.norm(x)
            y = paddle.roll(y, [-self.shift, -self.shift], [1, 2]) if self.shift else y
            y = self.attend(windows_of(paddle, y, SIDE)).reshape([-1, 4, 4, SIDE, SIDE, 16]).transpose([0, 1, 3, 2, 4, 5]).reshape([-1, 16, 16, 16])
            x = x + (paddle.roll(y, [self.shift, self.shift], [1, 2]) if self.shift else y)
            return x + self.mlp(self.norm2(x))

    class Swin(nn.Layer):
        def __init__(self):
            super().__init__()
            self.patches, self.blocks = nn.Conv2D(3, 16, 2, 2), nn.LayerList([Block(0), Block(2)])
            self.merge, self.head = nn.Linear(64, 32, bias_attr=False), nn.Linear(32, 10)

        def forward(self, image):
            x = self.patches(image).transpose([0, 2, 3, 1])
            for block in self.blocks:
                x = block(x)
            x = paddle.concat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], axis=-1)
            return self.head(paddle.nn.functional.adaptive_avg_pool1d(self.merge(x).flatten(1, 2).transpose([0, 2, 1]), 1).flatten(1))

    return Swin()


@model(image(3, 64, free=(1, 2)))
def text_detector(paddle):
    """Differentiable binarization over a pyramid of features; sides grow by more than a stride divides."""
    nn = paddle.nn

    def head():
        return nn.Sequential(conv_norm(nn, 32, 8), nn.Conv2DTranspose(8, 8, 2, 2), nn.BatchNorm2D(8), nn.ReLU(), nn.Conv2DTranspose(8, 1, 2, 2), nn.Sigmoid())

    class TextDetector(nn.Layer):
        def __init__(self):
            super().__init__()
            self.stages = nn.LayerList([conv_norm(nn, 3, 8, stride=4), conv_norm(nn, 8, 16, stride=2), conv_norm(nn, 16, 24, stride=2)])
            self.inner = nn.LayerList([nn.Conv2D(channels, 16, 1, bias_attr=False) for channels in (8, 16, 24)])
            self.smooth = nn.LayerList([nn.Conv2D(16, width, 3, padding=1, bias_attr=False) for width in (11, 11, 10)])
            self.probability, self.threshold = head(), head()

        def forward(self, image):
            features, x = [], image
            for stage in self.stages:
                x = stage(x)
                features.append(x)
            fine, middle, coarse = [inner(one) for inner, one in zip(self.inner, features)]
            middle = middle + paddle.nn.functional.interpolate(coarse, size=paddle.shape(middle)[2:], mode="nearest")
            fine = fine + paddle.nn.functional.interpolate(middle, size=paddle.shape(fine)[2:], mode="nearest", align_corners=False)
            merged = [smooth(one) for smooth, one in zip(self.smooth, (fine, middle, coarse))]
            merged = paddle.concat([merged[0]] + [paddle.nn.functional.interpolate(one, size=paddle.shape(fine)[2:], mode="bilinear") for one in merged[1:]], axis=1)
            probability, threshold = self.probability(merged), self.threshold(merged)
            binary = paddle.reciprocal(1 + paddle.exp(-10 * (probability - threshold)))
            return paddle.concat([probability, threshold, binary], axis=1), (probability > 0.5).astype("uint8")

    return TextDetector()


@model(image(1, 12, free=(1, 2)), recorded=True)
def super_resolution(paddle):
    nn = paddle.nn

    class Upscale(nn.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.body = nn.Conv2D(1, 8, 5, padding=2), nn.Conv2D(8, 8, 3, padding=1, padding_mode="reflect")
            self.prelu, self.last, self.shuffle = nn.PReLU(8), nn.Conv2D(8, 4, 3, padding=1), nn.PixelShuffle(2)

        def forward(self, image):
            x = self.prelu(self.first(image))
            x = self.shuffle(self.last(x + self.body(x)))
            return paddle.clip(x + paddle.nn.functional.interpolate(image, scale_factor=2, mode="bicubic"), -1.0, 1.0)

    return Upscale()


@model(image(3, 48, free=(1, 2)))
def deeplab(paddle):
    nn = paddle.nn

    class Deeplab(nn.Layer):
        def __init__(self):
            super().__init__()
            self.low, self.deep = conv_norm(nn, 3, 8, stride=2), nn.Sequential(conv_norm(nn, 8, 16, stride=2), conv_norm(nn, 16, 16, groups=16), conv_norm(nn, 16, 16, 1))
            self.branches = nn.LayerList([conv_norm(nn, 16, 8, 1)] + [conv_norm(nn, 16, 8, dilation=rate) for rate in (2, 4, 6)])
            self.context, self.project, self.output = conv_norm(nn, 16, 8, 1), conv_norm(nn, 40, 16, 1), nn.Conv2D(24, 5, 3, padding=1)

        def forward(self, image):
            low = self.low(image)
            deep = self.deep(low)
            context = paddle.nn.functional.interpolate(self.context(paddle.nn.functional.adaptive_avg_pool2d(deep, 1)), paddle.shape(deep)[2:], mode="bilinear", align_corners=True)
            x = self.project(paddle.concat([branch(deep) for branch in self.branches] + [context], axis=1))
            x = paddle.nn.functional.interpolate(x, paddle.shape(low)[2:], mode="bilinear", align_corners=False)
            x = paddle.nn.functional.interpolate(self.output(paddle.concat([low, x], axis=1)), paddle.shape(image)[2:], mode="bilinear", align_corners=False)
            return x, paddle.argmax(x, axis=1, dtype="int32")

    return Deeplab()


@model(image(3, 24))
def style_transfer(paddle):
    nn = paddle.nn

    def block(inputs, outputs, size, stride):
        return nn.Sequential(nn.Pad2D([size // 2] * 4, mode="reflect"), nn.Conv2D(inputs, outputs, size, stride), nn.InstanceNorm2D(outputs), nn.ReLU())

    return nn.Sequential(block(3, 8, 9, 1), block(8, 16, 3, 2), nn.Upsample(scale_factor=2, mode="nearest"), block(16, 8, 3, 1), nn.Conv2D(8, 3, 1), nn.Tanh())


@model(image(8, 8), Input("step", [1], low=0.0, high=100.0))
def diffusion_block(paddle):
    """Group norm, swish, an embedding of the time step by sines, attention over pixels."""
    nn = paddle.nn

    class Denoise(nn.Layer):
        def __init__(self):
            super().__init__()
            self.norms, self.convolutions = nn.LayerList([nn.GroupNorm(4, 8) for _ in range(3)]), nn.LayerList([nn.Conv2D(8, 8, 3, padding=1) for _ in range(2)])
            self.time, self.qkv, self.out = nn.Linear(8, 8), nn.Conv2D(8, 24, 1), nn.Conv2D(8, 8, 1)

        def forward(self, image, step):
            angles = step * paddle.exp(paddle.arange(4, dtype="float32") * -2.0)
            time = self.time(paddle.concat([paddle.sin(angles), paddle.cos(angles)], axis=-1))
            x = self.convolutions[0](paddle.nn.functional.silu(self.norms[0](image))) + time.unsqueeze(-1).unsqueeze(-1)
            x = image + self.convolutions[1](paddle.nn.functional.swish(self.norms[1](x)))
            q, k, v = paddle.split(self.qkv(self.norms[2](x)).flatten(2), 3, axis=1)
            weights = paddle.nn.functional.softmax(paddle.bmm(q.transpose([0, 2, 1]), k) / 8 ** 0.5)
            return x + self.out(paddle.bmm(v, weights.transpose([0, 2, 1])).reshape([-1, 8, 8, 8]))

    return Denoise()


@model(Input("clip", [3, 4, 16, 16]))
def video(paddle):
    nn = paddle.nn

    class Video(nn.Layer):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Conv3D(3, 8, 3, padding=1), nn.BatchNorm3D(8), nn.ReLU(), nn.MaxPool3D((1, 2, 2), (1, 2, 2)),
                                     nn.Conv3D(8, 8, (3, 1, 1), padding=(1, 0, 0)), nn.ReLU6(), nn.AvgPool3D(2, 2), nn.Conv3DTranspose(8, 4, 2, 2))
            self.flat, self.head = nn.Conv2D(4, 8, 3, padding=1), nn.Linear(8, 5)

        def forward(self, clip):
            x = self.net(clip).transpose([0, 2, 1, 3, 4]).reshape([-1, 4, 8, 8])
            x = self.flat(paddle.nn.functional.temporal_shift(x, 4, 0.25))
            return self.head(paddle.mean(x.reshape([-1, 4, 8, 8, 8]), axis=[1, 3, 4]))

    return Video()


@model(image(3, 16))
def deformable(paddle):
    """Convolution at learned places, then a spatial transformer."""
    nn = paddle.nn

    class Deformable(nn.Layer):
        def __init__(self):
            super().__init__()
            self.offset, self.mask = nn.Conv2D(3, 18, 3, padding=1), nn.Conv2D(3, 9, 3, padding=1)
            self.convolution, self.place = paddle.vision.ops.DeformConv2D(3, 8, 3, padding=1), nn.Linear(8, 6)

        def forward(self, image):
            x = self.convolution(image, self.offset(image), paddle.nn.functional.sigmoid(self.mask(image)))
            theta = paddle.reshape(self.place(paddle.mean(x, axis=[2, 3])), [-1, 2, 3])
            grid = paddle.nn.functional.affine_grid(theta, paddle.shape(x), align_corners=False)
            return paddle.nn.functional.grid_sample(x, grid, align_corners=False)

    return Deformable()
