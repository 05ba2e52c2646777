"""The platform's extension of JupyterLab: all of it is shared data, built by hatch_build.py."""
