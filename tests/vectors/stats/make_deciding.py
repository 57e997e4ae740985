"""Makes the oracle vectors of the comparison of two revisions with NumPy and SciPy, which share no code with Benchline.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install numpy==2.4.6 scipy==1.17.1
    /tmp/oracle/bin/python tests/vectors/stats/make_deciding.py

The files are committed; tests read them and never run this. Where SciPy has no function (exact p with ties, the interval
of R's `wilcox.test`), the definition is worked out in whole numbers.
"""

import itertools
import json
import math
import pathlib
from fractions import Fraction

import numpy as np
import scipy
from scipy import stats

HERE = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20261121)


def write(name, cases):
    oracle = f"NumPy {np.__version__}, SciPy {scipy.__version__}, by make_deciding.py"
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (HERE / f"{name}.json").write_text(f'{{"oracle": {json.dumps(oracle)}, "cases": [\n{lines}\n]}}\n')


def effects():
    """Named effects, the awkward ones first."""
    return {
        "one": [0.5],
        "two, opposite": [1.0, -1.0],
        "zeros": [0.0] * 7,
        "negative zero": [0.0, -0.0, 1.0, 2.0, -3.0],
        "constant": [0.25] * 10,
        "ties": [1.0, 1.0, -1.0, 2.0, 2.0, 3.0, -2.0, 5.0, 5.0],
        "ties and zeros": [0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 2.0, 0.0, 3.0, -2.0, 2.0, 2.0],
        "counts": [float(v) for v in RANDOM.integers(-3, 6, 14)],
        "huge": [1e150, -1e149, 2e149, 5e148, -3e147, 1e140],
        "denormal": [5e-324, -1e-323, 2e-320, 1e-310, 1.5e-323, -5e-321],
        "five": [0.1, 0.2, 0.3, 0.4, 0.5],
        "six": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7],
        "ten": list(RANDOM.normal(0.005, 0.01, 10)),
        "thirty": list(RANDOM.normal(0.005, 0.01, 30)),
        "thirty, all above": list(RANDOM.uniform(0.01, 0.05, 30)),
        "heavy tails": list(RANDOM.standard_t(2, 40) * 0.01),
        "fifty": list(RANDOM.normal(-0.3, 1, 50)),
        "sixty with ties": [float(v) for v in np.round(RANDOM.normal(0.4, 2, 60))],
        "hundred": list(RANDOM.normal(0.3, 1, 100)),
        "beyond counting": list(RANDOM.normal(0.2, 1, 101)),
        "many with ties": [float(v) for v in np.round(RANDOM.normal(0.1, 3, 300))],
    }


def doubled_ranks(magnitudes):
    return [round(2 * rank) for rank in stats.rankdata(magnitudes)]


def tails(values):
    """P(T+ >= t) and P(T+ <= t) over all signs, in whole numbers."""
    ranks = doubled_ranks(np.abs(values))
    observed = sum(rank for rank, value in zip(ranks, values) if value > 0)
    ways = {0: 1}
    for rank in ranks:
        more = dict(ways)
        for total, count in ways.items():
            more[total + rank] = more.get(total + rank, 0) + count
        ways = more
    whole = 2 ** len(ranks)
    if len(ranks) <= 14:
        every = [sum(itertools.compress(ranks, signs)) for signs in itertools.product((0, 1), repeat=len(ranks))]
        assert sum(total >= observed for total in every) == sum(c for t, c in ways.items() if t >= observed)
    greater = Fraction(sum(count for total, count in ways.items() if total >= observed), whole)
    less = Fraction(sum(count for total, count in ways.items() if total <= observed), whole)
    return observed / 2, greater, less


def signed_rank():
    cases = []
    for name, values in effects().items():
        used = [value for value in values if value != 0]
        exact = len(used) <= 100
        if exact:
            statistic, greater, less = tails(used)
            p = min(1, 2 * min(greater, less))
            if used and len(set(np.abs(used))) == len(used):
                for alternative, ours in (("two-sided", p), ("greater", greater), ("less", less)):
                    theirs = stats.wilcoxon(used, alternative=alternative, method="exact").pvalue
                    assert math.isclose(theirs, ours, rel_tol=1e-9), (name, alternative, theirs, float(ours))
        else:
            theirs = {
                alternative: stats.wilcoxon(used, alternative=alternative, method="asymptotic", correction=True)
                for alternative in ("two-sided", "greater", "less")
            }
            statistic, greater, less = theirs["greater"].statistic, theirs["greater"].pvalue, theirs["less"].pvalue
            p = theirs["two-sided"].pvalue
        cases.append({
            "name": name,
            "effects": values,
            "used": len(used),
            "statistic": float(statistic),
            "p": float(p),
            "greater": float(greater),
            "less": float(less),
        })
    write("signed_rank", cases)


def depth(count, wanted):
    """The largest k with 1 - 2 P(T+ < k) >= wanted, and that level, in whole numbers, as R's `qsignrank` finds it."""
    ways = [1]
    for rank in range(1, count + 1):
        more = ways + [0] * rank
        for total, number in enumerate(ways):
            more[total + rank] += number
        ways = more
    found, below = (0, Fraction(1)), 0
    for k, number in enumerate(ways, start=1):
        below += number
        level = 1 - Fraction(2 * below, 2**count)
        if level < Fraction(str(wanted)):
            break
        found = (k, level)
    return found


def shift():
    cases = []
    for name, values in effects().items():
        if len(values) > 100:
            continue
        # Halves first: the sum of two huge values is fine, but denormals must not vanish.
        averages = sorted(float((Fraction(a) + Fraction(b)) / 2) for a, b in itertools.combinations_with_replacement(values, 2))
        for wanted in (0.8, 0.95, 0.99):
            k, level = depth(len(values), wanted)
            interval = [averages[k - 1], averages[-k], float(level)] if k else []
            middle = (Fraction(averages[(len(averages) - 1) // 2]) + Fraction(averages[len(averages) // 2])) / 2
            cases.append({
                "name": f"{name} at {wanted}", "effects": values, "wanted": wanted, "estimate": float(middle), "interval": interval,
            })
    write("shift", cases)


def wilson():
    cases = []
    for successes, trials in ((0, 1), (1, 1), (0, 10), (1, 10), (5, 10), (10, 10), (0, 381), (3, 400), (97, 100), (40_000, 10**6)):
        for level in (0.5, 0.95, 0.99):
            found = stats.binomtest(successes, trials).proportion_ci(confidence_level=level, method="wilson")
            cases.append({
                "name": f"{successes} of {trials} at {level}",
                "successes": successes,
                "trials": trials,
                "level": level,
                "interval": [float(found.low), float(found.high)],
            })
    write("wilson", cases)


def noise(name, size):
    """Effects of blocks; those with a floor or two modes are differences of two trials."""
    random = RANDOM
    trial = {
        "contaminated": lambda: random.normal(size=size) + (random.uniform(size=size) < 0.05) * random.uniform(5, 15, size=size),
        "two modes": lambda: 0.5 * random.normal(size=size) + 3 * (random.uniform(size=size) < 0.3),
    }
    if name in trial:
        return trial[name]() - trial[name]()
    return {"Gaussian": lambda: random.normal(size=size), "t3": lambda: random.standard_t(3, size=size)}[name]()


def walsh(x):
    i, j = np.triu_indices(x.shape[1])
    return np.sort((x[:, i] + x[:, j]) / 2, axis=1)


def power():
    """The power of both stages by simulation from the true distribution: 20 000 sessions, a standard error below 0.004."""
    rounds, cases = 20_000, []
    for first, second, alpha in ((10, 30, 0.01), (10, 30, 0.01 / 30), (8, 20, 0.001)):
        k1, k2 = (depth(n, 1 - a * (1 - 1e-12))[0] for n, a in ((first, 0.1), (second, alpha)))
        for name in ("Gaussian", "t3", "contaminated", "two modes"):
            averages = walsh(noise(name, (rounds, first)))
            seen_first = np.sort(-averages[:, k1 - 1])
            significant, estimate = [], []
            for _ in range(10):
                averages = walsh(noise(name, (rounds // 10, second)))
                significant.append(-averages[:, k2 - 1])
                estimate.append(-np.median(averages, axis=1))
            for margin in (0.0, 1.0):
                seen_second = np.sort(np.maximum(np.concatenate(significant), margin + np.concatenate(estimate)))
                shifts = [0.5, 1.0, 1.5, 2.0, 3.0, 5.0]
                power = [
                    float(np.searchsorted(seen_first, s) / rounds * np.searchsorted(seen_second, s) / rounds) for s in shifts
                ]
                cases.append({
                    "name": f"{name}, {first} + {second} at {alpha:.2g}, margin {margin}",
                    "first": first,
                    "second": second,
                    "alpha": alpha,
                    "margin": margin,
                    # The distribution, as 300 of its quantiles.
                    "effects": [round(float(q), 4) for q in np.quantile(noise(name, 2_000_000), (np.arange(300) + 0.5) / 300)],
                    "shifts": shifts,
                    "power": power,
                })
    write("power", cases)


def normal_blocks(blocks, estimate, half_width, level, margin, alpha):
    """Blocks for a 90% chance of a decision, by trying each number, if the estimate were Gaussian."""
    error = half_width / stats.norm.ppf(0.5 + level / 2) * math.sqrt(blocks)
    for n in range(blocks + 1, 1001):
        spread = stats.norm(estimate, error / math.sqrt(n))
        if estimate < margin:
            room = margin - stats.norm.ppf(0.975) * error / math.sqrt(n)
            chance = spread.cdf(room) - spread.cdf(-room)
        else:
            chance = spread.sf(max(margin, stats.norm.isf(alpha / 2) * error / math.sqrt(n)))
        if chance >= 0.9:
            return [n]
    return []


def blocks_needed():
    cases = []
    for blocks, estimate, half_width, level, margin, alpha in (
        (30, 0.005, 0.004, 0.95, 0.01, 0.001),
        (30, 0.009, 0.004, 0.951, 0.01, 0.001),
        (30, 0.012, 0.004, 0.951, 0.01, 0.001),
        (10, 0.03, 0.04, 0.953, 0.01, 0.01 / 3),
        (10, 0.0, 0.012, 0.953, 0.01, 0.01),
        (10, 0.0, 0.2, 0.953, 0.01, 0.01),
        (30, 0.01, 0.004, 0.951, 0.01, 0.01),
        (30, 0.02, 0.0, 0.951, 0.01, 0.01),
    ):
        needed = normal_blocks(blocks, estimate, half_width, level, margin, alpha) if half_width else [blocks + 1]
        cases.append({
            "name": f"{estimate} ± {half_width} from {blocks}",
            "given": [blocks, estimate, half_width, level, margin, alpha],
            "needed": needed,
        })
    write("blocks_needed", cases)


signed_rank()
shift()
wilson()
blocks_needed()
power()
