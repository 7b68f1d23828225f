from setuptools import setup

setup(
    name="tp-gateway-clinic-rules",
    version="1.0",
    description="An example plugin for TP Gateway: a ceiling for payments, and a line for the front desk",
    py_modules=["clinic_rules"],
    entry_points={"tp_gateway": ["clinic_rules = clinic_rules"]},
)
