"""Visual search: the same product found again among millions, by its photos and the text on them."""

import catalog  # noqa: F401 - settles what libraries ask when they are loaded: before all of them
