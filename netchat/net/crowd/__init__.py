"""The parts of `netchat load`: many users in one process, and the checks on what each one gets."""
