"""Where vectors are kept and searched: the local index, exact or compressed, that can be changed and compacted."""
