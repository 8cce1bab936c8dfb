"""``python -m ssmts.command`` is the command ``ssmts``."""

from ssmts.command import main

if __name__ == "__main__":
    main(prog_name="ssmts")
