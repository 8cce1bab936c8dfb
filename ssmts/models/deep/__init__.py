"""The deep branch: tokens of a window, networks over them, and how they are fitted."""
