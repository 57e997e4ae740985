//! Times: a server that stalls, one that cannot keep up, and a generator that must tell both. The server's own log is the
//! reference, so a machine that is slow today is slow for both.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use benchline::load::{Answer, Arrivals, End, Pace, run};

use super::server::{Server, say};
use super::{get, log_of, open, plan};

/// Stands still once, for one second from its 100th request on, with all of its connections.
fn stalling() -> Server {
    let count = Mutex::new(0);
    Server::start(move |_, stream| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count == 100 {
            std::thread::sleep(Duration::from_secs(1));
        }
        drop(count);
        say(stream, 200, b"")
    })
}

#[test]
fn an_open_loop_shows_a_stall_for_what_it_was() {
    const RATE: f64 = 400.0;
    const REQUESTS: u64 = 600;
    let server = stalling();
    let mut plan = plan(server.address, 8, REQUESTS);
    plan.pace = open(RATE);
    let report = run(&plan).unwrap();
    assert_eq!((report.succeeded, report.dropped), (REQUESTS, 0));
    // The reference: the k-th answer that the server gave, against the k-th planned time.
    let mut answered: Vec<Instant> = log_of(&server, &report).iter().map(|entry| entry.answered).collect();
    answered.sort();
    let planned = |number: u32| Duration::from_secs_f64(f64::from(number) / RATE);
    // None was answered before it was due, so the one that was answered soonest tells when the plan began.
    let began = (0..).zip(&answered).map(|(number, at)| *at - planned(number)).min().unwrap();
    let mut waits: Vec<Duration> = (0..).zip(&answered).map(|(number, at)| *at - began - planned(number)).collect();
    waits.sort();
    let reference = waits[waits.len() * 99 / 100].as_secs_f64();
    let reported = report.latency.value_at_quantile(0.99) as f64 / 1e9;
    assert!(reference > 0.9, "the stall is in the log: {reference}");
    assert!((reported - reference).abs() < 0.1, "p99 is {reported} s, and {reference} s by the server's log");
    // 400 requests were due while the server stood still: the median has seen half of it.
    assert!(report.latency.value_at_quantile(0.5) > 200_000_000);
}

#[test]
fn a_closed_loop_hides_a_stall_as_its_documentation_says() {
    let server = stalling();
    let report = run(&plan(server.address, 4, 2000)).unwrap();
    assert!(report.latency.max() >= 1_000_000_000);
    assert!(report.latency.value_at_quantile(0.99) < 500_000_000, "four of 2000 requests have seen it");
}

#[test]
fn what_cannot_be_sent_in_time_is_dropped_and_told() {
    let server = Server::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(50));
        say(stream, 200, b"")
    });
    let mut plan = plan(server.address, 2, 0);
    plan.end = End::After(Duration::from_millis(500));
    let arrivals = Arrivals::Even;
    let queue_timeout = Duration::from_millis(20);
    plan.pace = Pace::Open { from: 400.0, to: 400.0, ramp: Duration::ZERO, arrivals, queue_timeout };
    let report = run(&plan).unwrap();
    // 200 are planned; two clients can send at most one each 50 ms, and the first of each at once.
    assert_eq!(report.requests + report.dropped, 200);
    assert!((2..=24).contains(&report.requests), "{} were sent", report.requests);
    assert_eq!(report.lateness.len(), report.requests);
    // What was sent had waited no longer than allowed, and then its 50 ms: the bound is on the plan, not on the answer.
    assert!(report.latency.min() >= 50_000_000);
}

#[test]
fn nothing_is_sent_before_its_time_and_a_ramp_is_as_planned() {
    let server = Server::start(|_, stream| say(stream, 200, b""));
    let mut plan = plan(server.address, 8, 0);
    plan.threads = 2;
    plan.mix = vec![get("/${n}", Answer::Length(0))];
    plan.end = End::After(Duration::from_millis(400));
    let (arrivals, queue_timeout) = (Arrivals::Even, Duration::from_secs(60));
    plan.pace = Pace::Open { from: 0.0, to: 1000.0, ramp: Duration::from_millis(400), arrivals, queue_timeout };
    let before = Instant::now();
    let report = run(&plan).unwrap();
    assert_eq!((report.requests, report.succeeded), (200, 200), "half of 1000 a second for 0.4 s");
    let mut answered: Vec<Instant> = log_of(&server, &report).iter().map(|entry| entry.answered).collect();
    answered.sort();
    for (number, at) in (0_u32..).zip(&answered) {
        // The area under the ramp is 1250 t².
        let due = (f64::from(number) / 1250.0).sqrt();
        assert!((*at - before).as_secs_f64() >= due, "request {number} came before {due} s");
    }
}
