"""`python -m netchat` is `netchat`."""

from netchat.cli import main

main()
