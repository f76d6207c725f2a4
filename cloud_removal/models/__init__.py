"""Networks only, on keras.layers and keras.ops: they run on any Keras backend."""
