"""Jobs: notebooks that run on a schedule, as their owner, in the environment they were made in."""
