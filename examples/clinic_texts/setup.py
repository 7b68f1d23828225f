from setuptools import setup

setup(
    name="tp-gateway-clinic-texts",
    version="1.0",
    description="An example plugin for TP Gateway: SMS to patients by a service that takes JSON over HTTP",
    py_modules=["clinic_texts"],
    entry_points={"tp_gateway": ["clinic_texts = clinic_texts"]},
)
