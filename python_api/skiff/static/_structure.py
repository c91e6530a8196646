"""Nested lists, tuples and dicts of variables, which branches and loops take and return. A dict's leaves come in the order of
its keys."""


def _is_container(value):
    return isinstance(value, (list, tuple, dict))


def _parts(value):
    return [value[key] for key in sorted(value)] if isinstance(value, dict) else list(value)


def flatten(value):
    """The leaves, in order; anything that is no container is one."""
    return [leaf for part in _parts(value) for leaf in flatten(part)] if _is_container(value) else [value]


def pack_as(structure, leaves):
    """`structure` with other leaves."""
    leaves = iter(leaves)

    def build(part):
        if isinstance(part, dict):
            return {key: build(part[key]) for key in sorted(part)}
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return type(part)(*(build(p) for p in part))
        return type(part)(build(p) for p in part) if _is_container(part) else next(leaves)
    return build(structure)


def map_structure(function, structure):
    """`structure` with `function` of each leaf."""
    return pack_as(structure, [function(leaf) for leaf in flatten(structure)])


def same_structure(a, b):
    """Whether two structures nest alike; lists and tuples count as the same."""
    if _is_container(a) != _is_container(b):
        return False
    if not _is_container(a):
        return True
    if isinstance(a, dict) != isinstance(b, dict) or isinstance(a, dict) and sorted(a) != sorted(b):
        return False
    return len(a) == len(b) and all(same_structure(x, y) for x, y in zip(_parts(a), _parts(b)))


def holds_containers(values):
    """Whether a body could change one of the values in place."""
    return any(isinstance(value, (list, dict)) for value in values)


def copy_containers(structure):
    """The same leaves in containers of their own."""
    return pack_as(structure, flatten(structure))
