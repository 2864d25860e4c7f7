"""Gives the servers of one container the pod's own address. Part of `launch`; Linux only.

Pods share the host's network, so two servers that listen on the wildcard at one port would
clash, or worse: with SO_REUSEPORT, as gRPC sets it, the kernel would deal the connections out
between them. Here a stream socket that is

- bound to the wildcard at a given port is bound to the pod's address instead. One that leaves
  the port to the kernel keeps the wildcard: it clashes with nothing, and may be a client's. One
  that is for IPv6 alone gets a port that nobody knows: pods have no such address;
- connected to this host's loopback goes to the pod's address if something listens there at that
  port, as a program expects that finds its own server at 127.0.0.1.

The calls are caught by a filter (seccomp_unotify(2), Linux 5.5) and answered by a thread of the
container's first process, which makes them on a duplicate of the socket (pidfd_getfd(2), Linux
5.6). Neither needs more than the namespaces that a container has anyway.

A server bound to 127.0.0.1 itself is on the host's loopback, with the servers of other pods.
"""
# Importing socket and pathlib would cost each container some milliseconds.
# ruff: noqa: PTH123

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import os
import struct

from mlctl_core.embedded.node.container_root import LaunchError

__all__ = ["Sockets"]

# linux/audit.h and the system calls' numbers: (architecture, bind, connect, seccomp).
CALLS = {"x86_64": (0xC000003E, 49, 42, 317), "aarch64": (0xC00000B7, 200, 203, 277)}
# The same on every architecture.
PIDFD_OPEN, PIDFD_GETFD = 434, 438

# linux/seccomp.h, linux/filter.h
SECCOMP_SET_MODE_FILTER, NEW_LISTENER = 1, 8
RETURN_NOTIFY, RETURN_ALLOW = 0x7FC00000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARCHITECTURE_AT, THIRD_ARGUMENT_AT = 0, 4, 32
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
ANSWER = struct.Struct("=QqiI")
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1

# As socket(7), ip(7) and ipv6(7) name them.
AF_INET, AF_INET6 = 2, 10
SOL_SOCKET, SO_TYPE, SOCK_STREAM = 1, 3, 1
IPPROTO_IPV6, IPV6_V6ONLY = 41, 26
ADDRESS_BYTES = {AF_INET: 16, AF_INET6: 28}
V4, V6 = struct.Struct("=H2s4s8x"), struct.Struct("=H2s4s16s4x")
V4_MAPPED = bytes(10) + b"\xff\xff"
LOOPBACK_V4, LOOPBACK_V6 = b"\x7f\0\0\x01", bytes(15) + b"\x01"
WILDCARDS = (bytes(4), bytes(16), V4_MAPPED + bytes(4))
LOOPBACKS = (LOOPBACK_V4, LOOPBACK_V6, V4_MAPPED + LOOPBACK_V4)
ANY_PORT = bytes(2)

# The length of an address that no program gives (a socket address has 128 bytes at most): the
# filter lets it pass, so that the thread's own calls are not caught.
OWN_LENGTH = 127

# State of a listening socket in /proc/net/tcp.
LISTENING = b"0A"


class Sockets:
    """The sockets of one container's processes.

    `install` comes before the container's process is made, in a process with one thread; `serve`
    in the same process afterwards. It must live until the last process of the container ends.

    Args:
        address: the pod's, IPv4.
    """

    def __init__(self, address: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._address = bytes(map(int, address.split(".")))
        self._listener = -1
        self._bind = -1

    def install(self) -> None:
        """Catches the calls of all processes that this one makes from now on.

        Raises:
            LaunchError: the kernel does not offer it.
        """
        machine = os.uname().machine
        if machine not in CALLS:
            raise LaunchError("address", f"calls cannot be caught on {machine}", errno.ENOSYS)
        architecture, self._bind, connect, seccomp = CALLS[machine]
        steps = (
            (LOAD_WORD, 0, 0, ARCHITECTURE_AT),
            (JUMP_IF_EQUAL, 0, 6, architecture),
            (LOAD_WORD, 0, 0, NUMBER_AT),
            (JUMP_IF_EQUAL, 1, 0, self._bind),
            (JUMP_IF_EQUAL, 0, 3, connect),
            (LOAD_WORD, 0, 0, THIRD_ARGUMENT_AT),
            (JUMP_IF_EQUAL, 1, 0, OWN_LENGTH),
            (RETURN, 0, 0, RETURN_NOTIFY),
            (RETURN, 0, 0, RETURN_ALLOW),
        )
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *s) for s in steps))
        header = struct.pack("@HP", len(steps), ctypes.addressof(program))
        try:
            self._listener = self._call(seccomp, SECCOMP_SET_MODE_FILTER, NEW_LISTENER, header)
        except OSError as error:
            raise LaunchError("address", f"seccomp: {error}", error.errno or 0) from error

    def serve(self) -> None:
        """Answers the calls in a thread that ends with the process.

        It takes no signal that is blocked when it is started.
        """
        _thread.start_new_thread(self._serve, ())

    def _serve(self) -> None:
        while True:
            call = bytearray(NOTIFICATION.size)
            try:
                fcntl.ioctl(self._listener, RECEIVE, call)
            except OSError:  # who called was killed meanwhile
                continue
            number, caller, _, call_number, _, _, descriptor, pointer, length, *_ = (
                NOTIFICATION.unpack(call)
            )
            try:
                address = _read(caller, pointer, min(length, max(ADDRESS_BYTES.values())))
                error = self._answer(call_number, caller, descriptor, address)
            except OSError:
                error = None
            flags = CONTINUE if error is None else 0
            try:
                answer = bytearray(ANSWER.pack(number, 0, -(error or 0), flags))
                fcntl.ioctl(self._listener, SEND, answer)
            except OSError:
                continue

    def _answer(self, call: int, caller: int, descriptor: int, address: bytes) -> int | None:
        """Make the call in the caller's place; its errno, or None to let it go on unchanged."""
        family = int.from_bytes(address[:2], "little")
        if len(address) < ADDRESS_BYTES.get(family, OWN_LENGTH):
            return None
        port = address[2:4]
        ip = address[4:8] if family == AF_INET else address[8:24]
        if call == self._bind:
            if ip not in WILDCARDS or port == ANY_PORT:
                return None
        elif ip not in LOOPBACKS or not self._is_served(port):
            return None
        duplicate = self._duplicate(caller, descriptor)
        try:
            if self._option(duplicate, SOL_SOCKET, SO_TYPE) != SOCK_STREAM:
                return None
            # Whatever follows the address is not looked at.
            own = self._own(duplicate, family, port).ljust(OWN_LENGTH, b"\0")
            function = self._libc.bind if call == self._bind else self._libc.connect
            return ctypes.get_errno() if function(duplicate, own, OWN_LENGTH) != 0 else 0
        finally:
            os.close(duplicate)

    def _own(self, duplicate: int, family: int, port: bytes) -> bytes:
        if family == AF_INET:
            return V4.pack(family, port, self._address)
        if self._option(duplicate, IPPROTO_IPV6, IPV6_V6ONLY):
            return V6.pack(family, ANY_PORT, bytes(4), LOOPBACK_V6)
        return V6.pack(family, port, bytes(4), V4_MAPPED + self._address)

    def _is_served(self, port: bytes) -> bool:
        """Whether something listens at the pod's address and that port."""
        # The kernel prints addresses as numbers of this machine, ports as the network has them.
        number = b"%08X" % int.from_bytes(self._address, "little")
        local = b"%s:%04X" % (number, int.from_bytes(port, "big"))
        mapped = b"0000000000000000FFFF0000" + local
        return _listens("/proc/self/net/tcp", local) or _listens("/proc/self/net/tcp6", mapped)

    def _duplicate(self, thread: int, descriptor: int) -> int:
        """The caller's socket in this process."""
        with open(f"/proc/{thread}/status", encoding="ascii", errors="replace") as status:
            [group] = [line.split()[1] for line in status if line.startswith("Tgid:")]
        process = self._call(PIDFD_OPEN, int(group), 0)
        try:
            return self._call(PIDFD_GETFD, process, descriptor, 0)
        finally:
            os.close(process)

    def _option(self, descriptor: int, level: int, name: int) -> int:
        value = ctypes.c_int(0)
        size = ctypes.c_uint(ctypes.sizeof(value))
        references = ctypes.byref(value), ctypes.byref(size)
        if self._libc.getsockopt(descriptor, level, name, *references) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return value.value

    def _call(self, number: int, *arguments: int | bytes) -> int:
        typed = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
        result = int(self._libc.syscall(ctypes.c_long(number), *typed))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


def _read(thread: int, address: int, length: int) -> bytes:
    memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(memory, length, address)
    finally:
        os.close(memory)


def _listens(table: str, local: bytes) -> bool:
    try:
        with open(table, "rb") as lines:
            for line in lines:
                fields = line.split(None, 4)
                if fields[1] == local and fields[3] == LISTENING:
                    return True
    except OSError:  # no IPv6 on this host
        return False
    return False
