"""Runs a program under the system call rules of a unit: `python jail.py UNIT PROGRAM ARGUMENT...`.

What systemd does with SystemCallFilter, RestrictAddressFamilies, MemoryDenyWriteExecute, RestrictRealtime and
NoNewPrivileges, done by libseccomp, so that the tests need neither root nor a running systemd. Not covered: folders,
devices, users and namespaces. Groups of calls are asked of `systemd-analyze syscall-filter`.
"""

import ctypes
import errno
import functools
import os
import re
import socket
import sys

from system_rig import Unit, run, tool, unit

_ALLOW = 0x7FFF0000
_DENY_EPERM = 0x00050000 | errno.EPERM
_EQUAL, _MASKED_EQUAL = 4, 7  # enum scmp_compare of seccomp.h
_WRITE, _EXEC = 2, 4
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS of linux/prctl.h
_ALWAYS = ("@default",)  # systemd adds it to every allow list (src/core/load-fragment.c)


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


@functools.cache
def groups() -> dict[str, list[str]]:
    """systemd's groups of system calls: name -> calls and other groups."""
    told = run(tool("systemd-analyze"), "--no-pager", "syscall-filter")
    assert told.returncode == 0, told.stderr
    found: dict[str, list[str]] = {}
    for line in told.stdout.splitlines():
        if line.startswith("@"):
            found[line] = inside = []
        elif match := re.fullmatch(r"\s+(@?[a-z0-9_-]+)", line):
            inside.append(match[1])
    return found


def calls(name: str) -> set[str]:
    """The system calls of a group, with those of the groups in it; of a call, itself."""
    if not name.startswith("@"):
        return {name}
    return {call for inner in groups()[name] for call in calls(inner)}


def allowed(values: Unit) -> set[str]:
    """What the lines of SystemCallFilter leave, in their order."""
    result = {call for group in _ALWAYS for call in calls(group)}
    for line in values["Service.SystemCallFilter"]:
        named = {call for group in line.removeprefix("~").split() for call in calls(group)}
        result = result - named if line.startswith("~") else result | named
    return result


class Filter:
    """A seccomp filter that refuses with EPERM what is not allowed."""

    def __init__(self, names: set[str]) -> None:
        self._lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._lib.seccomp_init(ctypes.c_uint32(_DENY_EPERM)))
        for name in names:
            self.rule(_ALLOW, name)

    def rule(self, action: int, name: str, *comparisons: _Comparison) -> None:
        """Add a rule; a call that this machine does not have is passed over."""
        number = self._lib.seccomp_syscall_resolve_name(name.encode())
        array = (_Comparison * max(1, len(comparisons)))(*comparisons)
        if number >= 0:
            self._lib.seccomp_rule_add_array(self._context, ctypes.c_uint32(action), number, len(comparisons), array)

    def load(self) -> None:
        """Put it on this process for ever."""
        failed = self._lib.seccomp_load(self._context)
        assert failed == 0, os.strerror(-failed)


def close(values: Unit) -> None:
    """Close the jail around this process."""
    names = allowed(values)
    assert ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    strict = Filter(names - {"mmap", "mprotect", "socket"})
    both = _WRITE | _EXEC
    for unwanted in (0, _WRITE, _EXEC):  # mapped writable and executable at once: no
        strict.rule(_ALLOW, "mmap", _Comparison(2, _MASKED_EQUAL, both, unwanted))
    strict.rule(_ALLOW, "mprotect", _Comparison(2, _MASKED_EQUAL, _EXEC, 0))
    for family in values["Service.RestrictAddressFamilies"][0].split():
        strict.rule(_ALLOW, "socket", _Comparison(0, _EQUAL, int(getattr(socket, family)), 0))
    strict.load()


def main() -> None:
    """Close the jail and become the program."""
    close(unit(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
