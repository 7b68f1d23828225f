"""Stand-ins for services outside this project. Nothing in here may be imported by the gateway itself."""
