"""Print the variables that pin the instruction set: env $(python -m ddet.tools.pins) jupyter lab"""

from ddet import isa

if __name__ == "__main__":
    print(" ".join(f"{name}={value}" for name, value in ({} if isa.missing() else isa.pins()).items()))
