"""What the app's pages share with each other, and the command that opens the app."""
