"""Files of a server on disk: `store` keeps them, `worker` runs the jobs about them in threads."""
