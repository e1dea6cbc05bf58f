"""An independent check of narratives: every claim is read from the printed text and recomputed from the input file.

Nothing here imports `reports` or `analyzers`: the texts are read with patterns of its own, the facts are computed
anew from the records, by their definitions.
"""
