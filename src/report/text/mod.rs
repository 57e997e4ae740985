//! Whole reports as text: tables for the terminal, Markdown for a pull request.

mod calibration;
mod columns;
mod comparison;
mod markdown;
mod run;

pub use calibration::calibration;
pub use columns::columns;
pub use comparison::comparison;
pub use markdown::markdown;
pub use run::run;

#[cfg(test)]
mod tests {
    use crate::{
        model::{Metric, VerdictKind},
        report::{ComparisonReport, samples},
    };

    /// A regression, a series that did not change and one that is only described.
    fn report() -> ComparisonReport {
        let worse = crate::model::Verdict { blocks_needed: None, reason: String::new(), ..samples::verdict() };
        let mut same = worse.clone();
        (same.metric, same.kind, same.effect) = (Metric::WALL_TIME, VerdictKind::Equivalent, Some(1.0));
        (same.interval, same.resolution) =
            (worse.interval.map(|i| crate::model::Interval { low: 0.998, high: 1.002, ..i }), None);
        let mut described = worse.clone();
        (described.gate, described.kind, described.metric) =
            (false, VerdictKind::Inconclusive, "client.requests".parse().unwrap());
        let mut report = samples::comparison();
        report.verdicts = vec![same, worse, described];
        report.summary = crate::judge::tally(&report.verdicts);
        report
    }

    #[test]
    fn a_comparison_as_a_table() {
        insta::assert_snapshot!(super::comparison(&report()), @r###"
    scenario     case   metric           verdict       change
    sync/upload  10 kB  client.cpu_time  ▲ worse       1.043 × (1.031 … 1.055)
    sync/upload  10 kB  wall_time        ● equivalent  1.0000 × (0.9980 … 1.0020)  nothing changed by more than 0.20%

    Also moved (described, never judged):
      sync/upload  10 kB  client.requests  1.043 × (1.031 … 1.055)
    over budget: client.cpu_time of sync/upload 10 kB is 1.043 × the anchor, and the limit is 1 ×

    22222222 against 11111111: 1 worse, 1 equivalent; 1 failure
    "###);
    }

    #[test]
    fn a_comparison_as_markdown() {
        insta::assert_snapshot!(super::markdown(&report()), @r###"
    ### 22222222 against 11111111: 1 worse, 1 equivalent; 1 failure

    | | scenario | case | metric | change | |
    |---|---|---|---|---|---|
    | ▲ worse | sync/upload | 10 kB | client.cpu_time | 1.043 × (1.031 … 1.055) |  |

    <details><summary>1 series did not change</summary>

    | | scenario | case | metric | change | |
    |---|---|---|---|---|---|
    | ● equivalent | sync/upload | 10 kB | wall_time | 1.0000 × (0.9980 … 1.0020) | nothing changed by more than 0.20% |

    </details>

    over budget: client.cpu_time of sync/upload 10 kB is 1.043 × the anchor, and the limit is 1 ×

    <sub>11111111 → 22222222 on AMD EPYC · 2 cores · 8 GiB · kvm. 10 + 30 blocks, 2 gate series, false-alarm budget 1%. `benchline compare`</sub>
    "###);
    }

    #[test]
    fn a_run_as_tables() {
        insta::assert_snapshot!(super::run(&samples::run()), @r###"
    scenario     case   metric                        estimate  grade
    sync/upload  10 kB  client.cpu_time  5.00 ms (4.90 … 5.10)  noisy
    run 2 of 22222222: 1 measurement (0 sound, 1 noisy, 0 unusable), 1 failure
    over budget: client.cpu_time of sync/upload 10 kB is 5.00 ms, and the limit is 1 ns

    scenario     case   metric           verdict  change
    sync/upload  10 kB  client.cpu_time  ▲ worse  1.043 × (1.031 … 1.055)  too close to the margin; about 60 blocks would decide
    over budget: client.cpu_time of sync/upload 10 kB is 1.043 × the anchor, and the limit is 1 ×

    22222222 against 11111111: 1 worse; 1 failure
    "###);
    }
}
