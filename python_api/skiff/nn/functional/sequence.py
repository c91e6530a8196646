"""Paths over sequences, and attention."""
from ..._core import layer

__all__ = ["gather_tree", "scaled_dot_product_attention"]


def gather_tree(ids, parents):
    """Whole beams, traced back along their parents: [time, batch, beam]. Source: paddle.nn.functional.gather_tree."""
    if len(ids.shape) != 3:
        raise ValueError("The input ids must be a 3D tensor with shape [length, batch_size, beam_size]")
    if len(ids.shape) != len(parents.shape):
        raise ValueError("The ids's shape must be the same as parents' shape. ")
    return layer("gather_tree", {"Ids": ids, "Parents": parents}, "Out")


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, training=True, name=None):
    """softmax(query * key^T / sqrt(width) + mask) * value, per head.

    Paddle's operators for CUDA's flash attention are not used: a mask is added, and so is the one of a causal attention.

    Args:
        query (Variable): [batch, length, heads, width].
        key, value (Variable): [batch, length of the memory, heads, width].
        attn_mask (Variable): added to the products: broadcast to [batch, heads, length, length of the memory].
        dropout_p (float): probability that a weight is dropped.
        is_causal (bool): each position sees those up to itself.
        training (bool): False: without dropout.
        name (str): accepted, without effect.

    Returns:
        Variable: shaped as query.

    Source: paddle.nn.functional.scaled_dot_product_attention.
    """
    from ...tensor import full_like, matmul, transpose, triu
    from .activation import softmax
    from .common import dropout
    width = query.shape[-1]
    query, key, value = (transpose(x, [0, 2, 1, 3]) for x in (query, key, value))
    product = matmul(query * width ** -0.5, key, transpose_y=True)
    if attn_mask is not None:
        product = product + attn_mask
    if is_causal:
        product = product + triu(full_like(product, -10000.0), 1)
    weights = softmax(product)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p, training=training)
    return transpose(matmul(weights, value), [0, 2, 1, 3])
