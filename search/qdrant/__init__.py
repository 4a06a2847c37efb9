"""The second implementation of the contract: a Qdrant server, for shops that outgrow a machine."""
