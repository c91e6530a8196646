"""The version of this package."""
full_version = "0.1.0"
major, minor, patch = full_version.split(".")
paddle_version = "2.6.2"
"""The Paddle whose files and API this release follows."""


def show():
    """Prints the version."""
    print("skiff", full_version, "files and API of Paddle", paddle_version)
