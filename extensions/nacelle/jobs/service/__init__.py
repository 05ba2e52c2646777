"""The jobs service: the REST interface at /services/jobs/, the only way to make or change a job."""
