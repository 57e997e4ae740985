"""Makes partition.json with ruptures, which shares no code with Benchline: optimal cuts of a series into levels under the
squared error, at least three points a segment, at a penalty for each cut.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install numpy==2.2.0 ruptures==1.1.10
    /tmp/oracle/bin/python tests/vectors/stats/make_partition.py

The file is committed; tests read it and never run this.
"""

import json
import pathlib

import numpy as np
import ruptures

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20260404)


def series():
    yield "no change", RANDOM.normal(size=80), 8.0
    for size in (1.0, 2.0, 5.0):
        for count in (1, 3):
            levels = np.repeat(np.cumsum(RANDOM.choice([-1, 1], count + 1)) * size, 90 // (count + 1))
            yield f"{count} steps of {size}", levels + RANDOM.normal(size=len(levels)), 10.0
    yield "cheap cuts", RANDOM.normal(size=60), 1.5
    yield "a spike", np.concatenate([np.zeros(20), [50.0], np.zeros(20)]) + RANDOM.normal(size=41), 12.0
    yield "a ramp", np.arange(70) * 0.2 + RANDOM.normal(size=70), 9.0


cases = []
for name, values, penalty in series():
    values = [round(float(value), 4) for value in values]
    found = ruptures.Pelt(model="l2", min_size=3, jump=1).fit(np.array(values)).predict(pen=penalty)
    cases.append({"name": name, "values": values, "penalty": penalty, "cuts": found[:-1]})
lines = ",\n".join("  " + json.dumps(case) for case in cases)
oracle = f"ruptures {ruptures.version.version}, by make_partition.py"
(HERE / "partition.json").write_text(f'{{"oracle": {json.dumps(oracle)}, "cases": [\n{lines}\n]}}\n')
