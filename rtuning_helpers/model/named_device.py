"""The device that the user names."""

import os

DEVICE = "RTUNING_DEVICE"  # the variable that names one
GIVEN_UP = (
    "Apple silicon (mps): no 4-bit weights, and everything in float32; QLoRA becomes LoRA beside exact weights, which "
    "take about 8 times the memory of 4 bits"
)


def wants_mps() -> bool:
    """Whether the user has named Apple's GPU."""
    return os.environ.get(DEVICE) == "mps"
