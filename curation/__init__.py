"""Know, clean, cut and convert a catalogue."""

import catalog  # noqa: F401 - settles what libraries ask when they are loaded: before all of them
