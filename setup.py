"""Which packages are installed, and as what; everything else stands in pyproject.toml.

The folders train/ and dashboard/ keep their names in the repository. Installed under those names they would be mistaken
for, or overwrite, a user's own ``train`` or ``dashboard``: they become ``dfe_train`` and ``dfe_dashboard``.
"""

from setuptools import find_namespace_packages, setup

INSTALLED_AS = {"dfe_core": "dfe_core", "train": "dfe_train", "dashboard": "dfe_dashboard"}
"""Folder of the repository → top-level package of the wheel."""

WORKSPACE = [f"dashboard.web.{folder}*" for folder in ("node_modules", "src", "tests")]
"""What the scripts of dashboard/web/built are made from, and with."""


def packages() -> list[str]:
    """Every package under its installed name; folders of data alone count as packages, but for the npm workspace."""
    found = find_namespace_packages(
        include=[pattern for folder in INSTALLED_AS for pattern in (folder, f"{folder}.*")],
        exclude=["*.__pycache__", "*.__pycache__.*", *WORKSPACE],
    )
    return sorted(".".join([INSTALLED_AS[name.split(".")[0]], *name.split(".")[1:]]) for name in found)


setup(
    packages=packages(),
    package_dir={package: folder for folder, package in INSTALLED_AS.items()},
)
