# SPDX-License-Identifier: MIT
"""postern compare --fidelity --json, the whole of it: every row within 15 % of the published figure."""
import json
import subprocess
import sys

TOLERANCE = 0.15

run = subprocess.run([sys.argv[1], "compare", "--fidelity", "--json"], capture_output=True, text=True)
if run.returncode or run.stderr:
    sys.exit(f"status {run.returncode}: {run.stderr}")
table = json.loads(run.stdout)
if table["schema"] != "postern.fidelity/1" or list(table) != ["schema", "seed", "costs", "rows", "cost_values"]:
    sys.exit(f"schema: {table['schema']}, keys: {list(table)}")
keys = ["name", "unit", "source", "published", "modelled", "relative_error", "calibrated", "calibrated_by"]
bad = []
for row in table["rows"]:
    if list(row) != keys:
        bad.append(f"{row['name']}: keys {list(row)}")
    error = row["modelled"] / row["published"] - 1
    if abs(error - row["relative_error"]) > 1e-3 or abs(error) > TOLERANCE:
        bad.append(f"{row['name']}: {row['modelled']}, published {row['published']}")
if len(table["rows"]) != 31:
    bad.append(f"{len(table['rows'])} rows")
sys.exit("\n".join(bad) or 0)
