"""Makes the oracle vectors of this folder with NumPy and SciPy, which share no code with Benchline.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install numpy==2.4.6 scipy==1.17.1 pymannkendall==1.4.3
    /tmp/oracle/bin/python tests/vectors/stats/make.py

The files are committed; tests read them and never run this.
"""

import itertools
import json
import math
import pathlib
from fractions import Fraction

import numpy as np
import pymannkendall
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


def trend():
    shapes = {
        "three rising": [1.0, 2.0, 5.0],
        "three, no order": [2.0, 5.0, 1.0],
        "constant": [4.0] * 8,
        "falling": [float(v) for v in range(20, 0, -1)],
        "ties": [1.0, 2.0, 2.0, 3.0, 1.0, 4.0, 4.0, 4.0, 5.0, 3.0],
        "noise": list(RANDOM.normal(100, 1, 12)),
        "drift": list(RANDOM.normal(0, 1, 30) + 0.08 * np.arange(30)),
        "thirty-three": list(RANDOM.normal(0, 1, 33)),
        "thirty-four": list(RANDOM.normal(0, 1, 34)),
        "warm-up": list(100 + 30 * np.exp(-np.arange(60) / 4) + RANDOM.normal(0, 1, 60)),
        "rounded drift": [float(v) for v in np.round(RANDOM.normal(0, 2, 80) + 0.03 * np.arange(80))],
    }
    cases = []
    for name, values in shapes.items():
        theirs = pymannkendall.original_test(values)
        tied = len(set(values)) < len(values)
        exact = not tied and len(values) <= 33
        order = np.arange(len(values))
        p = stats.kendalltau(order, values, method="exact").pvalue if exact else theirs.p
        slope = float(stats.theilslopes(values, order).slope)
        cases.append({"name": name, "values": values, "s": float(theirs.s), "p": float(p), "slope": slope})
    write("trend", cases)


def lag1(values):
    x = np.asarray(values) - np.mean(values)
    return float(np.sum(x[:-1] * x[1:]) / np.sum(x * x))


def autocorrelation():
    shapes = {
        "three": [1.0, 2.0, 4.0],
        "constant": [0.1] * 7,
        "zeros": [0.0] * 9,
        "alternating": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0],
        "six": list(RANDOM.normal(100, 1, 6)),
        "eight rising": [1.0, 2.0, 3.0, 4.5, 5.0, 6.0, 7.0, 9.0],
        "eight with ties": [3.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0],
        "nine": list(RANDOM.normal(0, 1, 9)),
        "thirty": list(RANDOM.normal(1e6, 1e3, 30)),
        "drift": list(RANDOM.normal(0, 1, 30) + 0.1 * np.arange(30)),
        "tiny": [1e-300, 2e-300, 3e-300, 2e-300, 5e-300, 4e-300, 6e-300, 6e-300, 7e-300],
    }
    cases = []
    for name, values in shapes.items():
        # A coefficient does not change with the scale.
        scaled = np.asarray(values) / (np.max(np.abs(values)) or 1.0)
        if np.ptp(scaled) == 0:
            cases.append({"name": name, "values": values, "lag1_and_p": []})
            continue
        found, n = lag1(scaled), len(values)
        if n <= 8:
            every = np.array([lag1(order) for order in itertools.permutations(scaled)])
            p = min(1.0, 2 * min(np.mean(every <= found + 1e-12), np.mean(every >= found - 1e-12)))
        else:
            p = 2 * stats.norm.sf(abs(found + 1 / n) / ((n - 2) / (n * math.sqrt(n - 1))))
        cases.append({"name": name, "values": values, "lag1_and_p": [found, float(p)]})
    write("autocorrelation", cases)


def two_means(values):
    """The best split by trying every place: means, share of the upper group, separation."""
    x = np.sort(np.asarray(values))
    n = len(x)
    least = math.ceil(n / 5)
    inertia = {k: x[:k].var() * k + x[k:].var() * (n - k) for k in range(least, n - least + 1)}
    place = min(inertia, key=inertia.get)
    lower, upper = x[:place], x[place:]
    gap = max(0.0, np.quantile(upper, 0.1) - np.quantile(lower, 0.9))
    return lower.mean(), upper.mean(), len(upper) / n, gap / math.sqrt(inertia[place] / (n - 2))


def modes():
    shapes = {
        "six": [1.0, 1.1, 0.9, 3.0, 3.1, 2.9],
        "uneven": [5.0, 5.1, 5.2, 5.1, 4.9, 5.0, 5.0, 9.0, 9.2],
        "one far outlier": [1.0, 1.1, 1.2, 0.9, 1.0, 1.05, 50.0],
        "gaussian": list(RANDOM.normal(100, 1, 40)),
        "bimodal": list(RANDOM.normal(100, 0.5, 60) + 3 * (RANDOM.uniform(size=60) < 0.3)),
        "nanoseconds": list(RANDOM.normal(4.8e9, 1e3, 31) + 1e4 * (RANDOM.uniform(size=31) < 0.4)),
    }
    names = ("lower", "upper", "upper_share", "separation")
    cases = [{"name": n, "values": v} | dict(zip(names, map(float, two_means(v)))) for n, v in shapes.items()]
    write("modes", cases)


def separations(x):
    """The separations of many value sets at once, a row each."""
    x = np.sort(x, axis=1)
    n = x.shape[1]
    least = math.ceil(n / 5)
    sums, squares = np.cumsum(x, axis=1), np.cumsum(x * x, axis=1)
    places = np.arange(least, n - least + 1)
    low, low2 = sums[:, places - 1], squares[:, places - 1]
    high, high2 = sums[:, -1:] - low, squares[:, -1:] - low2
    inertia = (low2 - low**2 / places) + (high2 - high**2 / (n - places))
    best = np.argmin(inertia, axis=1)
    found = np.empty(len(x))
    for place in np.unique(best):
        rows, k = best == place, places[place]
        lower, upper = x[rows, :k], x[rows, k:]
        within = (lower.var(axis=1) * k + upper.var(axis=1) * (n - k)) / (n - 2)
        gap = np.quantile(upper, 0.1, axis=1) - np.quantile(lower, 0.9, axis=1)
        found[rows] = np.maximum(gap, 0) / np.sqrt(within)
    return found


def modes_limits():
    """The 99th percentile of the separation when there is one mode, at the worst of six shapes."""
    rounds, random = 20_000, np.random.default_rng(20260102)
    cases = []
    for n in (6, 8, 10, 12, 15, 20, 30, 50, 100, 200, 500):
        size = (rounds, n)
        shapes = [
            random.normal(size=size),
            random.uniform(size=size),
            random.exponential(size=size),
            random.laplace(size=size),
            random.lognormal(size=size),
            random.standard_t(2, size=size),
        ]
        limit = max(float(np.quantile(separations(x), 0.99)) for x in shapes)
        cases.append({"name": f"{n} values", "count": n, "limit": round(limit, 2)})
    write("modes_limits", cases)


def common_trend():
    """Groups are seasons there: a column each of a table that is read row by row."""
    random = np.random.default_rng(20260103)
    shapes = {
        "two of three": [[1.0, 2.0, 4.0], [10.0, 9.0, 12.0]],
        "constant": [[4.0] * 5, [7.0] * 5],
        "ties": [[1.0, 2.0, 2.0, 3.0], [5.0, 5.0, 6.0, 6.0], [2.0, 1.0, 1.0, 4.0]],
        "six of noise": [list(random.normal(100 + 10 * k, 1, 8)) for k in range(6)],
        "twelve that drift": [list(random.normal(50, 1, 5) + 0.5 * np.arange(5)) for _ in range(12)],
        "against each other": [[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]],
        "rounded": [list(map(float, np.round(random.normal(0, 2, 20) + 0.05 * np.arange(20)))) for _ in range(4)],
    }
    cases = []
    for name, groups in shapes.items():
        table = np.array(groups).T
        theirs = pymannkendall.seasonal_test(table.flatten(), period=len(groups))
        slope = float(pymannkendall.seasonal_sens_slope(table.flatten(), period=len(groups)).slope)
        cases.append({"name": name, "groups": groups, "s": float(theirs.s), "p": float(theirs.p), "slope": slope})
    write("common_trend", cases)


describe()
interval()
two_level()
trend()
autocorrelation()
modes()
modes_limits()
common_trend()
