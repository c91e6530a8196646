"""Attention and the layers of transformers. Vaswani et al. 2017."""
import collections
import copy

from ... import _core
from ...framework import ParamAttr, get_default_dtype
from .. import functional as F  # noqa: N812
from .common import Dropout, Linear
from .container import LayerList
from .layers import Layer
from .norm import LayerNorm

__all__ = ["MultiHeadAttention", "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
           "TransformerEncoderLayer"]


def _attributes(attr, count):
    """`count` attributes from one, whose name is numbered, or from as many."""
    if isinstance(attr, (list, tuple)):
        if len(attr) != count:
            raise AssertionError(f"{count} attributes are wanted, {len(attr)} were given")
        return [None if one is True else one for one in attr]
    if isinstance(attr, bool):
        return [None if attr else False] * count
    if attr is None:
        return [None] * count
    if isinstance(attr, str):
        attr = ParamAttr(attr)
    if not isinstance(attr, ParamAttr):
        return [attr] * count
    made = [copy.copy(attr) for _ in range(count)]
    for number, one in enumerate(made):
        if attr.name:
            one.name = f"{attr.name}_{number}"
    return made


def _mask(mask, dtype):
    """A mask to be added: of bools or whole numbers, 0 stands for -1e9 and 1 for 0."""
    from ...tensor import cast
    if mask is None or mask.dtype == dtype:
        return mask
    kind = _core.dtype_name(mask.dtype)
    mask_of_dtype = cast(mask, dtype)
    return (mask_of_dtype - 1.0) * 1e9 if kind == "bool" or "int" in kind else mask_of_dtype


def _positive(**numbers):
    for what, number in numbers.items():
        if number <= 0:
            raise AssertionError(f"Expected {what} to be greater than 0, but received {number}")


class MultiHeadAttention(Layer):
    """Attention of several heads: softmax(q * k^T / sqrt(width of a head) + mask) * v, each projected.

    Args:
        embed_dim (int): width of the query and of the result.
        num_heads (int): heads; they divide embed_dim.
        dropout (float): probability that a weight is dropped.
        kdim, vdim (int): widths of key and value; embed_dim where None.
        need_weights (bool): calls give the weights too.
        weight_attr, bias_attr (ParamAttr | False): of the four projections.

    Calls take (query [batch, length, embed_dim], key and value [batch, length of the memory, ...]; attn_mask, added to
    [batch, heads, length, length of the memory]; cache), and give the result, the weights, the new cache, as asked for.

    Source: paddle.nn.MultiHeadAttention.
    """

    Cache = collections.namedtuple("Cache", ["k", "v"])
    StaticCache = collections.namedtuple("StaticCache", ["k", "v"])

    def __init__(self, embed_dim, num_heads, dropout=0.0, kdim=None, vdim=None, need_weights=False, weight_attr=None,
                 bias_attr=None):
        super().__init__()
        _positive(embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise AssertionError(f"embed_dim must be divisible by num_heads, {embed_dim} and {num_heads} were given")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout, self.need_weights = dropout, need_weights
        self.q_proj = Linear(embed_dim, embed_dim, weight_attr, bias_attr)
        self.k_proj = Linear(self.kdim, embed_dim, weight_attr, bias_attr)
        self.v_proj = Linear(self.vdim, embed_dim, weight_attr, bias_attr)
        self.out_proj = Linear(embed_dim, embed_dim, weight_attr, bias_attr)

    def _heads(self, x):
        """[batch, heads, length, width of a head]."""
        from ...tensor import reshape, transpose
        return transpose(reshape(x, [0, 0, self.num_heads, self.head_dim]), [0, 2, 1, 3])

    def compute_kv(self, key, value):
        """Projected key and value, [batch, heads, length, width of a head] each."""
        k, v = self.k_proj(key), self.v_proj(value)
        return self._heads(k), self._heads(v)

    def gen_cache(self, key, value=None, type=Cache):  # noqa: A002
        """What calls remember: a StaticCache of projected key and value, or a Cache of two variables, empty where value is None."""
        from ...tensor import full, shape
        if type is MultiHeadAttention.StaticCache:
            return self.StaticCache(*self.compute_kv(key, value))
        if value is not None:
            return self.Cache(key, value)
        extents = [shape(key)[0], self.num_heads, 0, self.head_dim]
        return self.Cache(full(extents, 0, key.dtype), full(extents, 0, key.dtype))

    def forward(self, query, key=None, value=None, attn_mask=None, cache=None):
        from ...tensor import concat, matmul, reshape, transpose
        key = query if key is None else key
        value = query if value is None else value
        q = self._heads(self.q_proj(query))
        k, v = (cache.k, cache.v) if isinstance(cache, self.StaticCache) else self.compute_kv(key, value)
        if isinstance(cache, self.Cache):
            k, v = concat([cache.k, k], 2), concat([cache.v, v], 2)
            cache = self.Cache(k, v)
        product = matmul(q * self.head_dim ** -0.5, k, transpose_y=True)
        if attn_mask is not None:
            product = product + _mask(attn_mask, product.dtype)
        weights = F.softmax(product)
        if self.dropout:
            weights = F.dropout(weights, self.dropout, training=self.training)
        out = transpose(matmul(weights, v), [0, 2, 1, 3])
        outs = [self.out_proj(reshape(out, [0, 0, out.shape[2] * out.shape[3]]))]
        if self.need_weights:
            outs.append(weights)
        if cache is not None:
            outs.append(cache)
        return outs[0] if len(outs) == 1 else tuple(outs)


class _Block(Layer):
    """What layers of encoders and decoders share: residual parts, each with a norm and a dropout, the last two linear maps."""

    def _make(self, parts, d_model, nhead, dim_feedforward, dropout, activation, attn_dropout, act_dropout, normalize_before,
              weight_attr, bias_attr):
        _positive(d_model=d_model, nhead=nhead, dim_feedforward=dim_feedforward)
        self._config = {"d_model": d_model, "nhead": nhead, "dim_feedforward": dim_feedforward, "dropout": dropout,
                        "activation": activation, "attn_dropout": attn_dropout, "act_dropout": act_dropout,
                        "normalize_before": normalize_before, "weight_attr": weight_attr, "bias_attr": bias_attr}
        attn_dropout = dropout if attn_dropout is None else attn_dropout
        act_dropout = dropout if act_dropout is None else act_dropout
        weights, biases = _attributes(weight_attr, len(parts) + 1), _attributes(bias_attr, len(parts) + 1)
        self.normalize_before = normalize_before
        for part, weight, bias in zip(parts, weights, biases):
            setattr(self, part, MultiHeadAttention(d_model, nhead, attn_dropout, weight_attr=weight, bias_attr=bias))
        self.linear1 = Linear(d_model, dim_feedforward, weights[-1], biases[-1])
        self.dropout = Dropout(act_dropout)
        self.linear2 = Linear(dim_feedforward, d_model, weights[-1], biases[-1])
        for number in range(1, len(parts) + 2):
            setattr(self, f"norm{number}", LayerNorm(d_model))
        for number in range(1, len(parts) + 2):
            setattr(self, f"dropout{number}", Dropout(dropout))
        self.activation = getattr(F, activation)

    def _part(self, number, x, function):
        """x + dropout(function(x)), normalised before or after; and what else the function gives."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        out = function(norm(x) if self.normalize_before else x)
        out, rest = (out[0], out[1]) if isinstance(out, tuple) else (out, None)
        out = x + dropout(out)
        return (out if self.normalize_before else norm(out)), rest

    def _feed_forward(self, x):
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Block):
    """Self-attention and two linear maps, each added to its input and normalised.

    Args:
        d_model (int): width of input and result.
        nhead (int): heads.
        dim_feedforward (int): width between the linear maps.
        dropout (float): of each part's result.
        activation (str): between the linear maps: a function of nn.functional.
        attn_dropout, act_dropout (float): of the attention's weights and behind the activation; `dropout` where None.
        normalize_before (bool): each part normalises its input rather than its result.
        weight_attr, bias_attr (ParamAttr | list | False): of attention and linear maps: one for both, or two.

    Source: paddle.nn.TransformerEncoderLayer.
    """

    def __init__(self, d_model, nhead, dim_feedforward, dropout=0.1, activation="relu", attn_dropout=None, act_dropout=None,
                 normalize_before=False, weight_attr=None, bias_attr=None):
        super().__init__()
        self._make(["self_attn"], d_model, nhead, dim_feedforward, dropout, activation, attn_dropout, act_dropout,
                   normalize_before, weight_attr, bias_attr)

    def forward(self, src, src_mask=None, cache=None):
        """Of src [batch, length, d_model]; with a cache, (result, new cache)."""
        src_mask = _mask(src_mask, src.dtype)
        src, new_cache = self._part(1, src, lambda x: self.self_attn(x, x, x, src_mask, cache))
        src, _ = self._part(2, src, self._feed_forward)
        return src if cache is None else (src, new_cache)

    def gen_cache(self, src):
        """An empty cache for src's batch."""
        return self.self_attn.gen_cache(src)


class TransformerDecoderLayer(_Block):
    """Self-attention, attention over a memory, and two linear maps; arguments as TransformerEncoderLayer's, attributes 1 or 3.

    Source: paddle.nn.TransformerDecoderLayer.
    """

    def __init__(self, d_model, nhead, dim_feedforward, dropout=0.1, activation="relu", attn_dropout=None, act_dropout=None,
                 normalize_before=False, weight_attr=None, bias_attr=None):
        super().__init__()
        self._make(["self_attn", "cross_attn"], d_model, nhead, dim_feedforward, dropout, activation, attn_dropout, act_dropout,
                   normalize_before, weight_attr, bias_attr)

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, cache=None):
        """Of tgt [batch, length, d_model] and memory; with caches, (result, (new cache, static cache))."""
        tgt_mask, memory_mask = _mask(tgt_mask, tgt.dtype), _mask(memory_mask, memory.dtype)
        own, static = (None, None) if cache is None else cache
        tgt, new_cache = self._part(1, tgt, lambda x: self.self_attn(x, x, x, tgt_mask, own))
        tgt, static_cache = self._part(2, tgt, lambda x: self.cross_attn(x, memory, memory, memory_mask, static))
        tgt, _ = self._part(3, tgt, self._feed_forward)
        return tgt if cache is None else (tgt, (new_cache, static_cache))

    def gen_cache(self, memory):
        """(an empty cache for memory's batch, memory's projected key and value)."""
        return self.self_attn.gen_cache(memory), \
            self.cross_attn.gen_cache(memory, memory, MultiHeadAttention.StaticCache)


def _stack(layer, count):
    """The layer, and others made as it was."""
    return LayerList([layer if number == 0 else type(layer)(**layer._config) for number in range(count)])


class TransformerEncoder(Layer):
    """Encoder layers one after the other.

    Args:
        encoder_layer (TransformerEncoderLayer): the first; the others are made with its arguments.
        num_layers (int): layers.
        norm (Layer): of the result.

    Source: paddle.nn.TransformerEncoder.
    """

    def __init__(self, encoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = _stack(encoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src, src_mask=None, cache=None):
        """Of src [batch, length, d_model]; with caches, (result, new caches)."""
        src_mask = _mask(src_mask, src.dtype)
        caches = []
        for number, layer in enumerate(self.layers):
            if cache is None:
                src = layer(src, src_mask=src_mask)
            else:
                src, new = layer(src, src_mask=src_mask, cache=cache[number])
                caches.append(new)
        if self.norm is not None:
            src = self.norm(src)
        return src if cache is None else (src, caches)

    def gen_cache(self, src):
        """A cache for each layer."""
        return [layer.gen_cache(src) for layer in self.layers]


class TransformerDecoder(Layer):
    """Decoder layers one after the other; arguments as TransformerEncoder's. Source: paddle.nn.TransformerDecoder."""

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = _stack(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, cache=None):
        """Of tgt [batch, length, d_model] and memory; with caches, (result, new caches)."""
        tgt_mask, memory_mask = _mask(tgt_mask, tgt.dtype), _mask(memory_mask, memory.dtype)
        caches = []
        for number, layer in enumerate(self.layers):
            given = None if cache is None else cache[number]
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, cache=given)
            if cache is not None:
                tgt, new = tgt
                caches.append(new)
        if self.norm is not None:
            tgt = self.norm(tgt)
        return tgt if cache is None else (tgt, caches)

    def gen_cache(self, memory, do_zip=False):
        """Caches for each layer; with do_zip, all first ones and all second ones."""
        caches = [layer.gen_cache(memory) for layer in self.layers]
        return list(zip(*caches)) if do_zip else caches


def _shares(attr):
    """(attributes of encoder layers, of decoder layers) from one, or from a list of 1 to 3."""
    if not isinstance(attr, (list, tuple)):
        return attr, attr
    if not 1 <= len(attr) <= 3:
        raise AssertionError(f"1 to 3 attributes are wanted, {len(attr)} were given")
    first, last = attr[0], attr[-1]
    return [first, last], list(attr) if len(attr) == 3 else [first, first, last]


class Transformer(Layer):
    """An encoder and a decoder.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, attn_dropout, act_dropout, normalize_before: of all layers, see
            TransformerEncoderLayer.
        num_encoder_layers, num_decoder_layers (int): layers.
        weight_attr, bias_attr (ParamAttr | list | False): of self-attention, cross-attention and linear maps.
        custom_encoder, custom_decoder (Layer): in place of those made here.

    Source: paddle.nn.Transformer.
    """

    def __init__(self, d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048, dropout=0.1,
                 activation="relu", attn_dropout=None, act_dropout=None, normalize_before=False, weight_attr=None, bias_attr=None,
                 custom_encoder=None, custom_decoder=None):
        super().__init__()
        _positive(d_model=d_model, nhead=nhead, dim_feedforward=dim_feedforward)
        weights, biases = _shares(weight_attr), _shares(bias_attr)
        options = (d_model, nhead, dim_feedforward, dropout, activation, attn_dropout, act_dropout, normalize_before)
        if custom_encoder is None:
            layer = TransformerEncoderLayer(*options, weights[0], biases[0])
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, LayerNorm(d_model))
        self.encoder = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*options, weights[1], biases[1])
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, LayerNorm(d_model))
        self.decoder = custom_decoder
        self.d_model, self.nhead = d_model, nhead

    def forward(self, src, tgt, src_mask=None, tgt_mask=None, memory_mask=None):
        """Of src and tgt, [batch, length, d_model] each; shaped as tgt."""
        memory = self.encoder(src, src_mask=_mask(src_mask, src.dtype))
        return self.decoder(tgt, memory, tgt_mask=_mask(tgt_mask, tgt.dtype), memory_mask=_mask(memory_mask, memory.dtype))

    def generate_square_subsequent_mask(self, length):
        """[length, length]: 0 up to the diagonal, minus infinity behind it."""
        from ...tensor import full, triu
        return triu(full([length, length], float("-inf"), get_default_dtype()), 1)
