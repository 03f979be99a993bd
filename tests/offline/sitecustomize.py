"""Refuse every connection to another machine, in each Python process of a pipeline, if on its PYTHONPATH.

Kernels talk to papermill over loopback, so loopback stays open. A library may swallow the refusal: each is logged to
$DDET_OFFLINE_LOG as well, and the test reads that file.
"""

import os
import socket

_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")
_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo


def _refuse(host: object) -> None:
    with open(os.environ["DDET_OFFLINE_LOG"], "a") as log:
        log.write(f"{host}\n")
    raise OSError(f"no network in this test: {host}")


def _guarded_connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_LOCAL):
        _refuse(address)
    return _connect(self, address)


def _guarded_lookup(host, *args, **kwargs):
    if host and not str(host).startswith(_LOCAL) and host != socket.gethostname():
        _refuse(host)
    return _getaddrinfo(host, *args, **kwargs)


socket.socket.connect = _guarded_connect
socket.getaddrinfo = _guarded_lookup
