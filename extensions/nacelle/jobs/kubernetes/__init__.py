"""The engine of jobs on a cluster: CronJobs, Jobs and what becomes of them."""
