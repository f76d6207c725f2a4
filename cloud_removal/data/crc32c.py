"""CRC-32C, the checksum of TFRecord files, of whole records at once.

The register of a CRC is linear over GF(2) in the bytes that it has seen, so pieces are summed side by side from a
table, and then put together in pairs. Source: RFC 3720, appendix B.4 (polynomial 0x1EDC6F41, here reflected); the mask
is that of TensorFlow's `lib/hash/crc32c.h`.
"""

from functools import cache

import cv2
import numpy as np

POLYNOMIAL = 0x82F63B78
PIECE = 64
"""Bytes in a piece."""
MASK = 0xA282EAD8
ONES = 0xFFFFFFFF


def masked_crc32c(content: bytes) -> int:
    """The checksum as a TFRecord file holds it: rotated by 15 bits, plus a constant; 32 bits, unsigned."""
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + MASK) & ONES


def crc32c(content: bytes) -> int:
    """CRC-32C of `content`, 32 bits, unsigned; about 2 ms a megabyte."""
    if len(content) < PIECE:
        return _of_few(content)
    padded = np.zeros(-(-len(content) // PIECE) * PIECE, np.uint8)  # Zeros before the content change nothing.
    held = padded[len(padded) - len(content) :]
    held[:] = np.frombuffer(content, np.uint8)
    held[:4] ^= 255  # As good as a register that begins with ones.
    sums = cv2.LUT(padded.reshape(-1, 1, PIECE), _places()).view(np.uint32)
    return _joined(np.bitwise_xor.reduce(sums, axis=-1).ravel()) ^ ONES


def _of_few(content: bytes) -> int:
    register, table = ONES, _listed()
    for byte in content:
        register = table[(register ^ byte) & 255] ^ register >> 8
    return register ^ ONES


def _joined(registers: np.ndarray) -> int:
    """The register after all pieces, uint32, from that of each alone."""
    level = 0
    while len(registers) > 1:
        if len(registers) % 2:
            registers = np.concatenate((np.zeros(1, np.uint32), registers))
        registers = _moved(_moves(level), registers[::2]) ^ registers[1::2]
        level += 1
    return int(registers[0])


@cache
def _bytes() -> np.ndarray:
    """What each value of the register's last byte becomes as a byte of zeros is shifted in: uint32 (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


@cache
def _listed() -> list[int]:
    return [int(value) for value in _bytes()]


def _one_byte_on(registers: np.ndarray) -> np.ndarray:
    return _bytes()[registers & 255] ^ registers >> 8


@cache
def _places() -> np.ndarray:
    """What a byte adds to the register at the end of its piece, by value and place: int32 (1, 256, PIECE)."""
    table = np.empty((256, PIECE), np.uint32)
    registers = _bytes()
    for place in reversed(range(PIECE)):
        table[:, place] = registers
        registers = _one_byte_on(registers)
    return table.view(np.int32)[None]


@cache
def _moves(level: int) -> np.ndarray:
    """What each of the register's four bytes becomes after PIECE · 2^level bytes of zeros: uint32 (4, 256)."""
    registers = np.stack([np.arange(256, dtype=np.uint32) << np.uint32(8 * byte) for byte in range(4)])
    if level:
        half = _moves(level - 1)
        return _moved(half, _moved(half, registers))
    for _ in range(PIECE):
        registers = _one_byte_on(registers)
    return registers


def _moved(moves: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """`registers` after as many zeros as `moves` stands for."""
    low = moves[0][registers & 255] ^ moves[1][registers >> 8 & 255]
    return low ^ moves[2][registers >> 16 & 255] ^ moves[3][registers >> 24]
