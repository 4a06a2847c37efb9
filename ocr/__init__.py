"""Text branch: photo -> transcript -> text features -> probabilities."""

import catalog  # noqa: F401 - settles what libraries ask when they are loaded: before all of them
