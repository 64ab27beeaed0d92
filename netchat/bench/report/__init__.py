"""Tables and plots of bench results."""
