//! The load generator beside `wrk` (Debian's package): requests for each second of CPU time that the generator itself uses,
//! which is what one core can send at most; and what each says of a server that stands still for one second. `wrk` sends in a
//! closed loop and adds the latencies that it did not see, as if each connection had sent at its mean pace. Prints one table;
//! nothing is judged here. `cargo bench --bench load`.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program that prints measurements")]

mod target;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use benchline::load::{Answer, Arrivals, Client, Content, End, Exchange, LoadPlan, Pace, run};
use nix::sys::resource::{UsageWho, getrusage};

/// Connections of each generator.
const CLIENTS: usize = 32;
/// Seconds of each run.
const SECONDS: u64 = 3;
/// Runs of each generator, in turn; the table has their medians.
const ROUNDS: usize = 5;
/// Requests a second of the open loop.
const RATE: f64 = 1000.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", stalls] => target::serve(stalls == "stalls"),
        ["closed", address] => generate(&plan(address, Pace::Closed)),
        ["open", address] => {
            let queue_timeout = Duration::from_secs(60);
            let (ramp, arrivals) = (Duration::ZERO, Arrivals::Even);
            generate(&plan(address, Pace::Open { from: RATE, to: RATE, ramp, arrivals, queue_timeout }));
        }
        _ => compare(),
    }
}

fn plan(address: &str, pace: Pace) -> LoadPlan {
    let get = Exchange {
        weight: 1,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        body: Content::None,
        status: 200,
        answer: Answer::Length(5),
    };
    LoadPlan {
        target: address.parse().unwrap(),
        clients: vec![Client { variables: [].into(), turns: 0..u64::MAX }; CLIENTS],
        mix: vec![get],
        pace,
        warm_up: Duration::ZERO,
        end: End::After(Duration::from_secs(SECONDS)),
        keep_alive: true,
        threads: 1,
        timeout: Duration::from_secs(10),
        answer_limit: 1000,
        seed: 1,
    }
}

/// Prints requests, failures, and the latency at p99 in milliseconds.
fn generate(plan: &LoadPlan) {
    let report = run(plan).unwrap();
    let late = report.lateness.value_at_quantile(0.99) as f64 / 1e6;
    let p99 = report.latency.value_at_quantile(0.99) as f64 / 1e6;
    println!("{} {} {p99} {late}", report.requests, report.failed() + report.dropped);
}

/// One run of a generator, seen from outside.
struct Run {
    requests: f64,
    cpu_seconds: f64,
    p99_ms: f64,
}

fn ours(pace: &str, address: SocketAddr) -> Run {
    let me = std::env::current_exe().unwrap();
    let (output, cpu_seconds) = timed(Command::new(me).args([pace, &address.to_string()]));
    let numbers: Vec<f64> = output.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(numbers[1] == 0.0, "{output}");
    Run { requests: numbers[0], cpu_seconds, p99_ms: numbers[2] }
}

fn wrk(address: SocketAddr) -> Run {
    let seconds = format!("{SECONDS}s");
    let mut command = Command::new("wrk");
    command.args(["-t1", "--latency", "--timeout", "10", "-d", &seconds, "-c"]).arg(CLIENTS.to_string());
    let (output, cpu_seconds) = timed(command.arg(format!("http://{address}/")));
    let after = |mark: &str| output.split(mark).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let requests = output.split(" requests in").next().and_then(|text| text.split_whitespace().last()).unwrap();
    let p99 = after("99%");
    let digits = p99.trim_end_matches(|letter: char| letter.is_alphabetic());
    let unit = match &p99[digits.len()..] {
        "us" => 0.001,
        "ms" => 1.0,
        _ => 1000.0,
    };
    Run { requests: requests.parse().unwrap(), cpu_seconds, p99_ms: digits.parse::<f64>().unwrap() * unit }
}

/// What a program prints, and the CPU time that it took.
fn timed(command: &mut Command) -> (String, f64) {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
    };
    let before: f64 = used().iter().sum();
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), used().iter().sum::<f64>() - before)
}

fn compare() {
    if Command::new("wrk").arg("-v").output().is_err() {
        println!("wrk is not installed (Debian: apt install wrk); there is nothing to compare with");
        return;
    }
    let server = target::Target::start(false);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, run) in rates.iter_mut().zip([ours("closed", server.address), wrk(server.address)]) {
            rates.push(run.requests / run.cpu_seconds);
        }
    }
    drop(server);
    let [ours_per_core, wrk_per_core] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    println!("requests for each second of the generator's CPU, closed loop, {CLIENTS} connections, 1 thread:");
    println!("  ours {ours_per_core:.0}   wrk {wrk_per_core:.0}   ratio {:.2}", ours_per_core / wrk_per_core);
    println!("p99 of {SECONDS} s in which the server stands still for one second:");
    for (name, run) in [
        (format!("ours, open loop at {RATE}/s"), ours("open", target::Target::start(true).address)),
        ("ours, closed loop".to_owned(), ours("closed", target::Target::start(true).address)),
        ("wrk, corrected afterwards by its mean pace".to_owned(), wrk(target::Target::start(true).address)),
    ] {
        println!("  {name}: {:.1} ms over {} requests", run.p99_ms, run.requests);
    }
}
