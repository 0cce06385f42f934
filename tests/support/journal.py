# SPDX-License-Identifier: Apache-2.0
"""The journal as Python's own SQLite sees it: the seals of its rows are computed here a second time."""

MASK = (1 << 64) - 1


def fnv(*parts):
    state = 0xCBF29CE484222325
    for byte in b"".join(parts):
        state = ((state ^ byte) * 0x100000001B3) & MASK
    return state


def seal(table, fields, about=""):
    """FNV-1a over the table's name, what the row is about, and its fields."""
    parts = [table.encode() + b"\0", about.encode() + b"\0"]
    for field in fields:
        if isinstance(field, int):
            parts.append(field.to_bytes(8, "little", signed=True))
        elif isinstance(field, bytes):
            parts.append((field or b"\0").ljust(65, b"\0"))
        else:
            parts.append(len(field.encode()).to_bytes(8, "little") + field.encode())
    state = fnv(*parts)
    return state - (1 << 64) if state >> 63 else state
