"""Makes the oracle vectors of this folder with NumPy and SciPy, which share no code with Benchline.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install numpy==2.4.6 scipy==1.17.1
    /tmp/oracle/bin/python tests/vectors/stats/make.py

The files are committed; tests read them and never run this.
"""

import json
import math
import pathlib
from fractions import Fraction

import numpy as np
import scipy
from scipy import stats

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20260101)


def write(name, cases):
    oracle = f"NumPy {np.__version__}, SciPy {scipy.__version__}, by make.py"
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (HERE / f"{name}.json").write_text(f'{{"oracle": {json.dumps(oracle)}, "cases": [\n{lines}\n]}}\n')


def samples():
    """Named values, the awkward ones first."""
    return {
        "one": [7.0],
        "two": [1.0, 2.0],
        "constant": [3.5] * 9,
        "ties": [1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 9.0],
        "half equal": [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0, 4.0],
        "negative": [-5.0, -1.0, 0.0, 2.0, -3.0],
        "huge": [1e149, 2e149, -3e149, 5e148, 1e150],
        "denormal": [5e-324, 1e-323, 2e-320, 1e-310],
        "nanoseconds": [float(v) for v in RANDOM.integers(4_800_000, 4_900_000, 31)],
        "gaussian": list(RANDOM.normal(100, 1, 50)),
        "heavy tails": list(100 + RANDOM.standard_t(2, 80)),
        "log-normal": list(RANDOM.lognormal(9.6, 1.2, 101)),
        "with stalls": list(np.concatenate([RANDOM.normal(50, 0.5, 57), [80.0, 95.0, 20.0]])),
    }


def describe():
    cases = []
    for name, values in samples().items():
        x = np.array(values)
        q1, q3 = np.quantile(x, [0.25, 0.75], method="linear")
        reach = 3.0 * stats.iqr(x, interpolation="linear")
        low, high = int(np.sum(x < q1 - reach)), int(np.sum(x > q3 + reach))
        cases.append({
            "name": name,
            "values": values,
            "quantiles": [[p, float(np.quantile(x, p, method="linear"))] for p in (0, 0.01, 0.1, 1 / 3, 0.5, 0.9, 0.999, 1)],
            "min": float(x.min()),
            "lower_quartile": float(q1),
            "median": float(np.median(x)),
            "upper_quartile": float(q3),
            "percentile_99": float(np.quantile(x, 0.99, method="linear")),
            "max": float(x.max()),
            "mad": float(stats.median_abs_deviation(x)),
            "mad_scaled": float(stats.median_abs_deviation(x, scale="normal")),
            "outliers": [low, high],
            "outlier_share": (low + high) / len(values),
        })
    write("describe", cases)


def order_interval(count, wanted):
    """Ranks from the smallest and the level, by trying every depth in exact arithmetic. Empty where none reaches it."""
    best = []
    for depth in range(1, count // 2 + 1):
        outside = sum(math.comb(count, k) for k in range(depth))
        level = 1 - Fraction(2 * outside, 2**count)
        assert math.isclose(level, 1 - 2 * stats.binom.cdf(depth - 1, count, 0.5), abs_tol=1e-12)
        if level >= Fraction(str(wanted)):
            best = [depth, count + 1 - depth, float(level)]
    return best


def interval():
    counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 25, 30, 31, 50, 100, 500, 1001]
    cases = [
        {"name": f"{count} values at {wanted}", "count": count, "wanted": wanted, "interval": order_interval(count, wanted)}
        for count in counts
        for wanted in (0.5, 0.8, 0.95, 0.99)
    ]
    write("interval", cases)


def two_level():
    shapes = {
        "one trial of one sample": [[4.0]],
        "single samples": [[3.0], [1.0], [2.0]],
        "five trials": [list(RANDOM.normal(100, 1, 7)) for _ in range(5)],
        "six trials": [list(RANDOM.normal(100 + offset, 1, 9)) for offset in (0, 3, -2, 1, 4, -1)],
        "uneven trials": [list(RANDOM.lognormal(3, 0.2, n)) for n in (1, 2, 3, 10, 40, 41, 5)],
        "constant": [[8.0, 8.0, 8.0]] * 6,
        "thirty trials": [list(RANDOM.standard_t(3, 5) + RANDOM.normal(50, 2)) for _ in range(30)],
    }
    cases = []
    for name, trials in shapes.items():
        medians = [float(np.median(trial)) for trial in trials]
        ranks = order_interval(len(trials), 0.95)
        within = [float(stats.median_abs_deviation(trial, scale="normal")) for trial in trials if len(trial) > 1]
        ordered = sorted(medians)
        cases.append({
            "name": name,
            "trials": trials,
            "medians": medians,
            "estimate": float(np.median(medians)),
            "interval": [ordered[ranks[0] - 1], ordered[ranks[1] - 1], ranks[2]] if ranks else [],
            "between": [float(stats.median_abs_deviation(medians, scale="normal"))] if len(medians) > 1 else [],
            "within": [float(np.median(within))] if within else [],
            "pooled_median": float(np.median(np.concatenate(trials))),
        })
    write("two_level", cases)


describe()
interval()
two_level()
