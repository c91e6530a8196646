"""In which order an einsum of several operands is computed: two at a time, the order that costs least."""
import itertools
import string

__all__ = []
_FEW = 5  # operands; of more the cheapest pair is taken first


def _cost(a, b, out, extents):
    """Multiplications, and additions where a label is summed."""
    size = 1
    for label in a | b:
        size *= extents[label]
    return size * (2 if (a | b) - out else 1)


def _joined(terms, i, j, rhs):
    """The labels of terms i and j that others, or the result, still need."""
    needed = set(rhs).union(*(term for k, term in enumerate(terms) if k not in (i, j)))
    return frozenset((terms[i] | terms[j]) & needed)


def _order(terms, rhs, extents):
    """(cost, pairs of positions) of the cheapest order; results are put at the end."""
    if len(terms) == 1:
        return 0, []
    best = None
    choices = list(itertools.combinations(range(len(terms)), 2))
    if len(terms) > _FEW:
        choices = [min(choices, key=lambda pair: _cost(terms[pair[0]], terms[pair[1]], _joined(terms, *pair, rhs), extents))]
    for i, j in choices:
        out = _joined(terms, i, j, rhs)
        rest = [term for k, term in enumerate(terms) if k not in (i, j)] + [out]
        later, order = _order(rest, rhs, extents)
        cost = _cost(terms[i], terms[j], out, extents) + later
        if best is None or cost < best[0]:
            best = cost, [(i, j), *order]
    return best


def pairs(equation, shapes):
    """[(position, smaller position, equation of the two)] for operands that are popped in this order, results put at the end."""
    equation = equation.replace(" ", "")
    left, arrow, rhs = equation.partition("->")
    dots = next(label for label in string.ascii_lowercase if label not in equation)
    if not arrow:
        rhs = ("..." if "..." in left else "") + "".join(sorted(c for c in set(left) - set(",.") if left.count(c) == 1))
    texts, rhs = left.replace("...", dots).split(","), rhs.replace("...", dots)
    if len(texts) != len(shapes):
        raise ValueError(f"equation {equation} names {len(texts)} operands, {len(shapes)} were given")
    extents = {dots: 1}
    for text, shape in zip(texts, shapes):
        if dots not in text:
            for label, extent in zip(text, shape):
                extents[label] = max(extents.get(label, 1), abs(extent))
        else:
            head, tail = text.split(dots)
            named = list(zip(head, shape)) + list(zip(tail[::-1], shape[::-1]))
            for label, extent in named:
                extents[label] = max(extents.get(label, 1), abs(extent))
    plan = []
    order = _order([frozenset(text) for text in texts], rhs, extents)[1]
    for i, j in order:
        out = _joined([frozenset(text) for text in texts], i, j, rhs)
        last = len(texts) == 2
        result = rhs if last else "".join(sorted(out, key=(texts[j] + texts[i]).find))
        plan.append((j, i, f"{texts[j]},{texts[i]}->{result}".replace(dots, "...")))
        texts = [text for k, text in enumerate(texts) if k not in (i, j)] + [result]
    return plan
