"""Who may do what: passwords, tokens and the administrators of a new folder."""
