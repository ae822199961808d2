"""The training page's address, state and parts."""
