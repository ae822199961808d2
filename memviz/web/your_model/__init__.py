"""The page that opens a visitor's own model: its address, the file that is open, its parts and its example."""
