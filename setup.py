"""What setup.cfg cannot say: configs/ is installed as img2img/configs."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["img2img*"]), "img2img.configs"],
    package_dir={"img2img.configs": "configs"},
)
