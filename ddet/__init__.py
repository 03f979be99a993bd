"""ddet: a notebook-first, reproducible replication of three deepfake-detection papers."""

import os

from ddet import isa

isa.pin()  # first of all: libraries choose their code when they are loaded

# No library may access the network. These must be set before they are imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks the package index on import
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # weights come from a named file or not at all
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")

__version__ = "0.1.0"
