"""Pages in the language of who reads them: sentences, decisions in plain words, templates filled."""
