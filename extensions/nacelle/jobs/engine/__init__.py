"""The local engine: schedules become runs, runs become processes, ends are told."""
