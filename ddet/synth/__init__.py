"""The synthetic benchmark: procedurally rendered talking heads and forgeries of them, in the datasets' own layouts.

identity -> paint -> render -> forge -> layouts -> write. Nothing here imports a network or code for training.
"""
