"""The C library: where it lies, and how its functions are called. Everything else is in `_engine`."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint64, c_void_p
from pathlib import Path
from typing import Any

ABI = 0
ROW, DONE = 1, 2
TRUST_HOST = 1
# Numbers of guanxi_types.h.
KIND_DECIMAL, KIND_MONEY, KIND_DATE, KIND_DATETIME = 3, 4, 6, 7

_NAMES = {"darwin": "libguanxi.0.dylib", "win32": "guanxi.dll"}


class OpenOptions(ctypes.Structure):
    """guanxi_open_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("key", POINTER(c_uint8)),
        ("key_len", c_size_t),
        ("passphrase", c_char_p),
        ("cache_bytes", c_size_t),
        ("flags", c_uint64),
        ("locale", c_char_p),
        ("administrator_name", c_char_p),
        ("administrator_password", c_char_p),
        ("durability", c_uint64),
        ("record_cache_bytes", c_uint64),
    ]


# guanxi_log_function.
LogFunction = ctypes.CFUNCTYPE(None, c_int32, c_char_p, c_char_p, c_void_p)

# Result and arguments of each function; those that end in E take a place for an error, and give a status.
_H, _OUT, _ID = c_void_p, POINTER(c_void_p), POINTER(c_uint8)
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "version": (c_char_p, []),
    "abi_version": (ctypes.c_uint32, []),
    "debug_live_handles": (c_int64, []),
    "set_log": (c_int32, [LogFunction, c_void_p, c_void_p, c_int32, _OUT]),
    "error_key": (c_char_p, [_H]),
    "error_message": (c_char_p, [_H]),
    "error_entity": (c_char_p, [_H]),
    "error_record": (c_char_p, [_H]),
    "error_field": (c_char_p, [_H]),
    "error_rule": (c_char_p, [_H]),
    "error_retryable": (c_int32, [_H]),
    "error_json": (c_char_p, [_H]),
    "error_free": (None, [_H]),
    "create": (c_int32, [POINTER(OpenOptions), _OUT, _OUT]),
    "open": (c_int32, [POINTER(OpenOptions), _OUT, _OUT]),
    "close": (c_int32, [_H, _OUT]),
    "health": (c_int32, [_H, _OUT, _OUT]),
    "sign_in": (c_int32, [_H, c_char_p, c_char_p, _OUT, _OUT]),
    "session_for": (c_int32, [_H, c_char_p, _OUT, _OUT]),
    "session_set_locale": (c_int32, [_H, c_char_p, _OUT]),
    "session_set_timeout_ms": (c_int32, [_H, c_uint64, _OUT]),
    "session_interrupt": (c_int32, [_H, _OUT]),
    "session_free": (None, [_H]),
    "call": (c_int32, [_H, c_char_p, c_char_p, _OUT, _OUT]),
    "buffer_data": (c_void_p, [_H]),
    "buffer_length": (c_size_t, [_H]),
    "buffer_free": (None, [_H]),
    "record_new": (c_void_p, [c_char_p]),
    "record_set_text": (None, [_H, c_char_p, c_char_p]),
    "record_set_int": (None, [_H, c_char_p, c_int64]),
    "record_set_bool": (None, [_H, c_char_p, c_int32]),
    "record_set_decimal": (None, [_H, c_char_p, c_char_p]),
    "record_set_money": (None, [_H, c_char_p, c_char_p, c_char_p]),
    "record_set_date": (None, [_H, c_char_p, c_char_p]),
    "record_set_datetime": (None, [_H, c_char_p, c_char_p]),
    "record_set_reference_text": (None, [_H, c_char_p, c_char_p]),
    "record_set_null": (None, [_H, c_char_p]),
    "record_set_owner": (None, [_H, _ID]),
    "record_expect_version": (None, [_H, c_uint64]),
    "record_free": (None, [_H]),
    "session_create": (c_int32, [_H, _H, _ID, _OUT]),
    "session_update": (c_int32, [_H, _ID, _H, _OUT]),
    "session_upsert": (c_int32, [_H, c_char_p, c_char_p, _H, _ID, _OUT]),
    "session_delete": (c_int32, [_H, c_char_p, _ID, _OUT]),
    "txn_begin": (c_int32, [_H, c_char_p, c_uint64, _OUT, _OUT]),
    "txn_create": (c_int32, [_H, _H, _ID, _OUT]),
    "txn_update": (c_int32, [_H, _ID, _H, _OUT]),
    "txn_delete": (c_int32, [_H, c_char_p, _ID, _OUT]),
    "txn_commit": (c_int32, [_H, _OUT]),
    "txn_rollback": (c_int32, [_H, _OUT]),
    "query_new": (c_void_p, [c_char_p]),
    "query_filter_json": (None, [_H, c_char_p]),
    "query_sort": (None, [_H, c_char_p, c_int32]),
    "query_field": (None, [_H, c_char_p]),
    "query_limit": (None, [_H, c_uint64]),
    "query_run": (c_int32, [_H, _H, _OUT, _OUT]),
    "count": (c_int32, [_H, _H, POINTER(c_uint64), _OUT]),
    "query_free": (None, [_H]),
    "session_get": (c_int32, [_H, c_char_p, _ID, _OUT, _OUT]),
    "search": (c_int32, [_H, c_char_p, c_char_p, c_uint64, _OUT, _OUT]),
    "cursor_json_table": (c_int32, [_H, c_size_t, c_size_t, _OUT, _OUT]),
    "cursor_column_count": (c_size_t, [_H]),
    "cursor_column_name": (c_char_p, [_H, c_size_t]),
    "cursor_type": (ctypes.c_uint32, [_H, c_size_t]),
    "cursor_free": (None, [_H]),
    "subscribe": (c_int32, [_H, c_char_p, _OUT, _OUT]),
    "subscription_next": (c_int32, [_H, c_uint64, _OUT, _OUT]),
    "subscription_position": (c_uint64, [_H]),
    "unsubscribe": (None, [_H]),
}


def _load() -> ctypes.CDLL:
    name = _NAMES.get(sys.platform, "libguanxi.so.0")
    beside = Path(__file__).with_name(name)
    place = os.environ.get("GUANXI_LIBRARY") or (str(beside) if beside.exists() else None)
    library = ctypes.CDLL(place or ctypes.util.find_library("guanxi") or name)
    for function, (result, arguments) in _FUNCTIONS.items():
        found = getattr(library, "guanxi_" + function)
        found.restype, found.argtypes = result, arguments
    found_abi = library.guanxi_abi_version()
    if found_abi != ABI:
        raise ImportError(f"{place or name} has version {found_abi} of the C interface, and not {ABI}")
    return library


lib = _load()


def handle() -> c_void_p:
    """A place for a handle."""
    return c_void_p()


def text(value: str) -> bytes:
    """Text as C takes it."""
    encoded = value.encode("utf-8")
    if b"\0" in encoded:
        raise ValueError("text for the library holds a zero character")
    return encoded


def taken(buffer: c_void_p) -> bytes:
    """The bytes of a buffer, which is freed."""
    try:
        return ctypes.string_at(lib.guanxi_buffer_data(buffer), lib.guanxi_buffer_length(buffer))
    finally:
        lib.guanxi_buffer_free(buffer)


__all__ = ["ABI", "DONE", "ROW", "OpenOptions", "byref", "handle", "lib", "taken", "text"]
