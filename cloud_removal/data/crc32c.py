"""The checksum of the records of TFRecord files: CRC-32C, masked as in TensorFlow's `lib/hash/crc32c.h`."""

import google_crc32c

MASK = 0xA282EAD8
ONES = 0xFFFFFFFF


def masked_crc32c(content: bytes) -> int:
    """The checksum as a TFRecord file holds it: rotated by 15 bits, plus a constant; 32 bits, unsigned."""
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + MASK) & ONES
