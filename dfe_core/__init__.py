"""Discrete Facial Encoding: faces → expressions → tokenizer → tokens → facs, analysis, probes → reports.

Importing this package imports nothing heavy; torch, vtk and umap are imported by the modules that need them.
"""

__version__ = "0.1.0"
