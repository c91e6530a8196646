"""Layers and parameters held in order, or by name."""
import collections.abc

from .layers import Layer, is_parameter

__all__ = ["LayerDict", "LayerList", "ParameterList", "Sequential"]


class Sequential(Layer):
    """Layers one after the other: Sequential(a, b), or Sequential(("first", a), ("second", b)). Source: paddle.nn.Sequential."""

    def __init__(self, *layers):
        super().__init__()
        named = layers if layers and isinstance(layers[0], (list, tuple)) else [(str(i), layer) for i, layer in enumerate(layers)]
        for name, layer in named:
            self.add_sublayer(name, layer)

    def __getitem__(self, name):
        layers = list(self._sub_layers.values())
        if isinstance(name, slice):
            return type(self)(*layers[name])
        if isinstance(name, str):
            return self._sub_layers[name]
        if not -len(layers) <= name < len(layers):
            raise IndexError(f"index {name} is out of range")
        return layers[name]

    def __setitem__(self, name, layer):
        if not isinstance(layer, Layer):
            raise AssertionError(f"a Layer is wanted, {type(layer)} was given")
        setattr(self, str(name), layer)

    def __delitem__(self, name):
        if str(name) not in self._sub_layers:
            raise AssertionError(f"there is no layer {name!r}")
        del self._sub_layers[str(name)]

    def __len__(self):
        return len(self._sub_layers)

    def forward(self, input):  # noqa: A002
        for layer in self._sub_layers.values():
            input = layer(input)  # noqa: A001
        return input


class LayerList(Layer):
    """A list of layers, named "0", "1", ... Source: paddle.nn.LayerList."""

    def __init__(self, sublayers=None):
        super().__init__()
        self.extend(sublayers or ())

    def _position(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range, should be an integer in range [{-len(self)}, {len(self)})")
        return index % len(self)

    def _rename(self, layers):
        self._sub_layers.clear()
        self.extend(layers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return LayerList(list(self)[index])
        return self._sub_layers[str(self._position(index))]

    def __setitem__(self, index, sublayer):
        setattr(self, str(self._position(index)), sublayer)

    def __delitem__(self, index):
        layers = list(self)
        del layers[index if isinstance(index, slice) else self._position(index)]
        self._rename(layers)

    def __len__(self):
        return len(self._sub_layers)

    def __iter__(self):
        return iter(self._sub_layers.values())

    def append(self, sublayer):
        """Adds a layer at the end; returns the list."""
        self.add_sublayer(str(len(self)), sublayer)
        return self

    def insert(self, index, sublayer):
        """Adds a layer in front of the one at index."""
        if not isinstance(index, int) or not -len(self) <= index < len(self):
            raise AssertionError(f"index should be an integer in range [{-len(self)}, {len(self)})")
        layers = list(self)
        layers.insert(self._position(index), sublayer)
        self._rename(layers)

    def extend(self, sublayers):
        """Adds layers at the end; returns the list."""
        for sublayer in sublayers:
            self.append(sublayer)
        return self


class LayerDict(Layer):
    """Layers by name: a dict of layers, or (name, layer) pairs. Source: paddle.nn.LayerDict."""

    def __init__(self, sublayers=None):
        super().__init__()
        if sublayers is not None:
            self.update(sublayers)

    def __getitem__(self, key):
        return self._sub_layers[key]

    def __setitem__(self, key, sublayer):
        self.add_sublayer(key, sublayer)

    def __delitem__(self, key):
        del self._sub_layers[key]

    def __len__(self):
        return len(self._sub_layers)

    def __iter__(self):
        return iter(self._sub_layers)

    def __contains__(self, key):
        return key in self._sub_layers

    def clear(self):
        """Holds nothing from now on."""
        self._sub_layers.clear()

    def pop(self, key):
        """Takes a layer out and returns it."""
        return self._sub_layers.pop(key)

    def keys(self):
        """Names."""
        return self._sub_layers.keys()

    def items(self):
        """(name, layer) pairs."""
        return self._sub_layers.items()

    def values(self):
        """Layers."""
        return self._sub_layers.values()

    def update(self, sublayers):
        """Adds layers of a dict or of pairs."""
        if not isinstance(sublayers, collections.abc.Iterable):
            raise AssertionError(f"(name, layer) pairs are wanted, {type(sublayers).__name__} was given")
        pairs = sublayers.items() if isinstance(sublayers, (collections.abc.Mapping, LayerDict)) else sublayers
        for pair in pairs:
            if len(pair) != 2:
                raise ValueError(f"(name, layer) pairs are wanted, one has {len(pair)} elements")
            self.add_sublayer(*pair)


class ParameterList(Layer):
    """A list of parameters, named "0", "1", ... Source: paddle.nn.ParameterList."""

    def __init__(self, parameters=None):
        super().__init__()
        for parameter in parameters or ():
            if not is_parameter(parameter):
                raise AssertionError(f"a parameter is wanted, {type(parameter)} was given")
            self.append(parameter)

    def __getitem__(self, index):
        return self._parameters[str(index)]

    def __setitem__(self, index, parameter):
        if not is_parameter(parameter):
            raise AssertionError(f"a parameter is wanted, {type(parameter)} was given")
        setattr(self, str(index), parameter)

    def __len__(self):
        return len(self._parameters)

    def __iter__(self):
        return iter(self._parameters.values())

    def append(self, parameter):
        """Adds a parameter at the end; returns the list."""
        self.add_parameter(str(len(self)), parameter)
        return self
