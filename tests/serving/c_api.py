"""Runs a SavedModel through TensorFlow's C API, as servers in other languages do: no Python but the standard library.

Takes the values of `image` on stdin, writes those of `ground` to stdout. See tensorflow/c/c_api.h.
"""

import ctypes
import json
import sys
from ctypes import c_char_p, c_int, c_int64, c_size_t, c_void_p

FLOAT = 1


class Output(ctypes.Structure):
    """TF_Output: an operation and which of its outputs."""

    _fields_ = [("operation", c_void_p), ("index", c_int)]


def library(path: str) -> ctypes.CDLL:
    """The library, its functions declared."""
    tf = ctypes.CDLL(path)
    for name in ("NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "GraphOperationByName"):
        getattr(tf, f"TF_{name}").restype = c_void_p
    for name in ("AllocateTensor", "TensorData"):
        getattr(tf, f"TF_{name}").restype = c_void_p
    tf.TF_Message.restype, tf.TF_TensorByteSize.restype = c_char_p, c_size_t
    tf.TF_AllocateTensor.argtypes = [c_int, ctypes.POINTER(c_int64), c_int, c_size_t]
    tf.TF_TensorData.argtypes = tf.TF_TensorByteSize.argtypes = [c_void_p]
    tf.TF_GetCode.argtypes = tf.TF_Message.argtypes = [c_void_p]
    tf.TF_GraphOperationByName.argtypes = [c_void_p, c_char_p]
    tf.TF_LoadSessionFromSavedModel.argtypes = [
        c_void_p, c_void_p, c_char_p, ctypes.POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p,
    ]  # fmt: skip
    outputs, tensors = ctypes.POINTER(Output), ctypes.POINTER(c_void_p)
    tf.TF_SessionRun.argtypes = [
        c_void_p, c_void_p, outputs, tensors, c_int, outputs, tensors, c_int, c_void_p, c_int, c_void_p, c_void_p,
    ]  # fmt: skip
    return tf


def main() -> None:
    """Loads the model, runs it once."""
    job = json.loads(sys.argv[1])
    tf = library(job["library"])
    status, graph = tf.TF_NewStatus(), tf.TF_NewGraph()

    def checked(result: object = None) -> object:
        if tf.TF_GetCode(status):
            sys.exit(tf.TF_Message(status).decode())
        return result

    def place(name: str) -> Output:
        operation, index = name.split(":")
        found = tf.TF_GraphOperationByName(graph, operation.encode())
        return Output(found, int(index)) if found else sys.exit(f"no operation {operation}")

    tags = (c_char_p * 1)(b"serve")
    session = checked(
        tf.TF_LoadSessionFromSavedModel(
            tf.TF_NewSessionOptions(), None, job["model"].encode(), tags, 1, graph, None, status
        )
    )
    image = sys.stdin.buffer.read()
    given = tf.TF_AllocateTensor(FLOAT, (c_int64 * 4)(*job["shape"]), 4, len(image))
    ctypes.memmove(tf.TF_TensorData(given), image, len(image))
    answer = (c_void_p * 1)()
    tf.TF_SessionRun(
        session, None, (Output * 1)(place(job["image"])), (c_void_p * 1)(given), 1,
        (Output * 1)(place(job["ground"])), answer, 1, None, 0, None, status,
    )  # fmt: skip
    checked()
    sys.stdout.buffer.write(ctypes.string_at(tf.TF_TensorData(answer[0]), tf.TF_TensorByteSize(answer[0])))
    foreign = {name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras", "numpy", "cloud_removal"}
    sys.exit(f"loaded {foreign}" if foreign else 0)


if __name__ == "__main__":
    main()
