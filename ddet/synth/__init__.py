"""The synthetic benchmark: procedurally rendered talking heads, forged by mechanism, in the datasets' own layouts.

identity -> paint -> render -> forge -> layouts -> write. Nothing here imports a network or knows of learning.
"""
