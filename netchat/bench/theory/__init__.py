"""Theoretical error rates, Shannon limits and confidence intervals."""
