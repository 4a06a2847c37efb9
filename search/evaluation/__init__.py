"""How well a search finds what it should: recall on queries whose matches are known."""
