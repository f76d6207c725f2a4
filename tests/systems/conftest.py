"""What all tests of systems share."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _policy_comes_back():
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)
