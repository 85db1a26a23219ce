"""All SQL of the manager. Functions take an open transaction (`Tx`) and speak in values of `flamenco.domain`."""
