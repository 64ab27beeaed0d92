"""Execution of bench runs: points, tasks, executors and the resume file."""
