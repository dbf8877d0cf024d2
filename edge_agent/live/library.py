"""Finds libopus. Light: a worker that cannot work says so before it imports numpy."""

import ctypes

LIBRARY = "libopus.so.0"
FLOATS = ctypes.POINTER(ctypes.c_float)


class OpusError(Exception):
    """The library is missing, or refused."""


def load() -> ctypes.CDLL:
    """The library. Raises OpusError when it is not installed."""
    try:
        lib = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise OpusError(f"{LIBRARY} is not installed (Debian package libopus0)") from error
    lib.opus_strerror.restype = ctypes.c_char_p
    lib.opus_encoder_create.restype = lib.opus_decoder_create.restype = ctypes.c_void_p
    lib.opus_encoder_destroy.argtypes = lib.opus_decoder_destroy.argtypes = (ctypes.c_void_p,)
    lib.opus_encode_float.argtypes = (ctypes.c_void_p, FLOATS, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32)
    lib.opus_decode_float.argtypes = (
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, FLOATS),
        *(ctypes.c_int, ctypes.c_int),
    )
    return lib
