"""Several dates of one place, put together into one."""
