"""Run as a program: loads config/settings.py with each environment of a JSON list on stdin.

Prints a JSON list with the settings as text, or {"refused": reason}.
"""

import json
import os
import runpy
import sys
from pathlib import Path

SETTINGS = Path(__file__).resolve().parents[2] / "config" / "settings.py"
answers = []
for environment in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(environment)
    try:
        values = runpy.run_path(str(SETTINGS))
    except Exception as error:
        answers.append({"refused": str(error)})
    else:
        answers.append({name: repr(value) for name, value in values.items() if name.isupper()})
json.dump(answers, sys.stdout)
