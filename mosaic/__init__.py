"""Image branch: 1-4 photos side by side, one network per image count."""

import catalog  # noqa: F401 - settles what libraries ask when they are loaded: before all of them
