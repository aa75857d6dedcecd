"""Loaded by Python itself in a site that a test serves (PYTHONPATH): writes a line for every password check."""

import os
import threading

import bcrypt

hashpw = bcrypt.hashpw
descriptor = os.open(os.environ["COUNTED_IN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def counted(password: bytes, salt: bytes) -> bytes:
    os.write(descriptor, f"{os.getpid()} {threading.current_thread().name}\n".encode())
    return hashpw(password, salt)


bcrypt.hashpw = counted
