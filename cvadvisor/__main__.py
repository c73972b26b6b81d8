"""``python -m cvadvisor``."""

from cvadvisor.cli import main

if __name__ == "__main__":
    main()
