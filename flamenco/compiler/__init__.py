"""Job types: JavaScript compiler scripts, run in a helper process that may be lost at any time."""

from flamenco.compiler.catalog import Problem
from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import ScriptLimits

__all__ = ["Compiler", "Problem", "ScriptLimits"]
