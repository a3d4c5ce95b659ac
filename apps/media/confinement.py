"""Takes away from the image decoder's process everything that it does not need: promise M2.

`confine` is called when the process has opened and imported all that it needs. From then on the kernel refuses files,
network, programs, processes and signals: by a seccomp filter, which allows the system calls of a computation and fails
all others, and by Landlock, an independent second layer. Neither needs privileges. Uses no Django.

Sources: linux/seccomp.h, linux/filter.h, linux/landlock.h, linux/sched.h, asm/unistd.h.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 21, 38
# User and group "nobody": the decoder must not be root.
NOBODY = 65534

# ── seccomp ───────────────────────────────────────────────────────────────────────────────────────────────────────

SECCOMP_MODE_FILTER = 2
PR_SET_SECCOMP = 22
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
# Instructions of the filter: load a word of the system call's description, jump if equal, return.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
# Positions in struct seccomp_data.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
# Machine → its AUDIT_ARCH constant and its place in the table below.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# System call → its numbers on x86_64 and aarch64. Those with descriptors use the ones that are open.
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "membarrier": (324, 283),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "setrlimit": (160, 164),
    "getrlimit": (97, 163),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrandom": (318, 278),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
}
# Allowed with this first argument only: own limits (process 0), and the flags with which libc starts a thread.
ALLOWED_WITH = {"prlimit64": ((302, 261), 0), "clone": ((56, 220), 0x3D0F00)}
# Its flags are not in a register. Libc calls clone instead if the kernel does not know it.
CLONE3 = 435


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter() -> bytes:
    """The program that the kernel runs for every system call."""
    architecture, place = MACHINES[platform.machine()]
    refuse, unknown = (_instruction(RETURN, SECCOMP_RET_ERRNO | error) for error in (errno.EPERM, errno.ENOSYS))
    allow = _instruction(RETURN, SECCOMP_RET_ALLOW)
    program = [_instruction(LOAD, ARCHITECTURE), _instruction(JUMP_IF_EQUAL, architecture, if_true=1), refuse]
    program.append(_instruction(LOAD, NUMBER))
    for numbers in ALLOWED.values():
        program += [_instruction(JUMP_IF_EQUAL, numbers[place], if_false=1), allow]
    program += [_instruction(JUMP_IF_EQUAL, CLONE3, if_false=1), unknown]
    for numbers, argument in ALLOWED_WITH.values():
        program += [
            _instruction(JUMP_IF_EQUAL, numbers[place], if_false=4),
            _instruction(LOAD, FIRST_ARGUMENT),
            _instruction(JUMP_IF_EQUAL, argument, if_false=1),
            allow,
            refuse,
        ]
    program.append(refuse)
    return b"".join(program)


def _instruction(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter; a jump skips that many instructions."""
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _restrict_system_calls(libc: ctypes.CDLL) -> None:
    instructions = _filter()
    program = _FilterProgram(len(instructions) // 8, instructions)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "The kernel does not accept the seccomp filter.")


def _has_seccomp(libc: ctypes.CDLL) -> bool:
    return platform.machine() in MACHINES and libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0


# ── Landlock ──────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE_RULESET, RESTRICT_SELF, GET_VERSION = 444, 446, 1
# Version of Landlock → the rights that it knows: for files, for TCP, and towards processes outside.
FILE_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 5: 1 << 16}
TCP_RIGHTS_SINCE, SCOPES_SINCE = 4, 6


def _restrict_access(libc: ctypes.CDLL) -> None:
    """Handle every right that the kernel knows, and grant none."""
    version = _landlock_version(libc)
    files = max(rights for since, rights in FILE_RIGHTS.items() if since <= version) - 1
    attributes = [files, *[0b11] * (version >= TCP_RIGHTS_SINCE), *[0b11] * (version >= SCOPES_SINCE)]
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    ruleset = libc.syscall(CREATE_RULESET, packed, len(packed), 0)
    if ruleset < 0 or libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "The kernel does not accept the Landlock rules.")
    os.close(ruleset)


def _landlock_version(libc: ctypes.CDLL) -> int:
    """0 or less if the kernel has none."""
    return int(libc.syscall(CREATE_RULESET, None, 0, GET_VERSION))


# ── The whole ─────────────────────────────────────────────────────────────────────────────────────────────────────


def missing_in_kernel() -> list[str]:
    """The protections that this kernel does not offer, for the system check."""
    if sys.platform != "linux":
        return ["seccomp", "Landlock"]
    libc = _libc()
    offered = {"seccomp": _has_seccomp(libc), "Landlock": _landlock_version(libc) > 0}
    return [name for name, is_offered in offered.items() if not is_offered]


def hide_memory() -> None:
    """Other processes of the same user can no longer read the memory and the environment of this process, which hold
    secrets. Processes that it forks inherit that; programs that it starts do not."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent(parent: int, *, by: int) -> None:
    """Get the signal `by` when the parent ends; exit if it has ended already."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, by, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit()


def drop_root() -> None:
    """Become another user, if this one is root and may change: limits on processes do not bind root."""
    if os.geteuid() == 0:
        with suppress(PermissionError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)


def confine() -> None:
    """Refuse this process what it does not need, for its whole life, with all that the kernel offers. Raises OSError if
    the kernel offers a protection and does not accept it."""
    _limit_processes(1)
    missing = missing_in_kernel()
    if sys.platform == "linux":
        libc = _libc()
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if "Landlock" not in missing:
            _restrict_access(libc)
        if "seccomp" not in missing:
            _restrict_system_calls(libc)


@contextmanager
def threads_allowed() -> Iterator[None]:
    """Threads count as processes of the user; the filter refuses other processes."""
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    _limit_processes(most)
    try:
        yield
    finally:
        _limit_processes(1)


def _limit_processes(number: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (number, most))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
