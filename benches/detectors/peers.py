"""Runs asv's and Otava's own code over the series that the bench exports, and says how often the reimplementations agree.

    cargo bench --bench detectors -- --export /tmp/detectors
    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install asv==0.6.6 apache-otava==0.8.0
    /tmp/peers/bin/python benches/detectors/peers.py /tmp/detectors/series.csv
"""

import csv
import sys
import time

import numpy as np
from asv.step_detect import detect_steps
from otava.analysis import compute_change_points


def of_asv(values):
    return [step[0] for step in detect_steps(values)[1:]]


def of_otava(values):
    # A list: of an array it would look at the whole in each window.
    return [int(point.index) for point in compute_change_points(values)[0]]


def main(path):
    csv.field_size_limit(1 << 24)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for name, original in (("asv", of_asv), ("otava", of_otava)):
        same = near = found = told = 0
        start = time.perf_counter()
        for row in rows:
            values = [float(value) for value in row["values"].split()]
            ours = [int(place) for place in row[name].split()]
            theirs = original(values)
            same += ours == theirs
            found += len(theirs)
            told += len(ours)
            near += sum(any(abs(a - b) <= 2 for b in ours) for a in theirs)
        seconds = time.perf_counter() - start
        print(f"{name}: {same} of {len(rows)} series cut alike; {near} of the original's {found} changes within 2 "
              f"commits, {told} told; {1000 * seconds / len(rows):.1f} ms a series of 300")
    for name, original in (("asv", of_asv), ("otava", of_otava)):
        for length in (365, 5000):
            values = list(1 + 0.01 * np.random.default_rng(1).normal(size=length))
            start = time.perf_counter()
            original(values)
            print(f"{name}: {1000 * (time.perf_counter() - start):.1f} ms for {length} points")


main(sys.argv[1])
