"""The networks beside timm's own, by the name that a params file gives: name -> the module that builds it.

They stand here and not beside the networks, so that a new one changes no code that shapes the runs of the others; the
module of a run's own network is part of its key.
"""

from collections.abc import Mapping
from typing import Any

NETWORKS = {
    "genconvit_ed": "ddet.models.genconvit",
    "genconvit_vae": "ddet.models.genconvit_vae",
    "f3net": "ddet.models.f3net",
    "f3net_mix": "ddet.models.f3net",
    "meso4": "ddet.models.mesonet",
    "mesoinception4": "ddet.models.mesonet",
    "capsule_v1": "ddet.models.capsule",
    "capsule_v2": "ddet.models.capsule",
    "srm": "ddet.models.srm",
    "rfm": "ddet.models.rfm",
    "recce": "ddet.models.recce",
    "cvit": "ddet.models.cvit",
    "ffd": "ddet.models.ffd",
    "ffd_free": "ddet.models.ffd",
    "mat": "ddet.models.mat",
    "caddm": "ddet.models.caddm",
}


def network_code(config: Mapping[str, Any]) -> list[str]:
    """Name the module that builds the network of a run's configuration: none where timm does, or where there is no
    network by name.
    """
    name = config.get("model", {}).get("name")
    return [NETWORKS[name]] if name in NETWORKS else []
