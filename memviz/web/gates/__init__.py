"""The parts of the gates page: its settings, its step view and its figures."""
