"""ASRID: static and dynamic heads on clips of frames."""
