"""A network as the words its layers are described in by a paper's table, from its input to its answer."""

from keras import layers


def path(network, output=None):
    """The operations on the way from the input to `output` (default: the network's), first inputs first.

    Where several tensors come together ("join", "add") the way of the first is followed.
    """
    words, tensor = [], network.outputs[0] if output is None else output
    while (operation := tensor._keras_history.operation) and not isinstance(operation, layers.InputLayer):
        words.append(word(operation))
        given = operation.input
        tensor = given[0] if isinstance(given, (list, tuple)) else given
    return words[::-1]


def word(operation):
    """One operation: kernel, width, then stride, dilation and padding where they are not 1, 1 and same."""
    match operation:
        case layers.Conv2D() | layers.Conv2DTranspose():
            return _convolution(operation)
        case layers.LeakyReLU():
            return f"leaky {operation.negative_slope:g}"
        case layers.ReLU():
            return "relu" if operation.max_value is None else f"relu{operation.max_value:g}"
        case layers.Dense():
            return f"dense {operation.units}"
    names = {
        "BatchNormalization": "norm", "Concatenate": "join", "Add": "add", "Flatten": "flat", "ZeroPadding2D": "zeros",
        "UpSampling2D": "repeat", "GroupNormalization": "instance norm",
    }  # fmt: skip
    kind = type(operation).__name__
    return operation.mode if kind == "Pad" else names.get(kind, kind.lower())


def _convolution(layer):
    kind = "deconv" if isinstance(layer, layers.Conv2DTranspose) else "conv"
    (kernel, _), (stride, _), (rate, _) = layer.kernel_size, layer.strides, layer.dilation_rate
    words = [f"{kind}{kernel} {layer.filters}"]
    words += [f"s{stride}"] if stride > 1 else []
    words += [f"rate{rate}"] if rate > 1 else []
    return " ".join(words + ["valid"] if layer.padding == "valid" else words)
