//! The load generator against servers of plain threads: its counts, its times, and what it makes of answers that are wrong.

mod faults;
mod pacing;
mod role;
mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use benchline::load::{Answer, Client, Content, End, Exchange, LoadPlan, LoadReport, Pace, run};

use server::{Server, say};

/// A plan of `clients` in a closed loop that ends after so many requests.
fn plan(target: SocketAddr, clients: usize, requests: u64) -> LoadPlan {
    LoadPlan {
        target,
        clients: vec![Client { variables: [].into(), turns: 0..u64::MAX }; clients],
        mix: vec![get("/", Answer::Any)],
        pace: Pace::Closed,
        warm_up: Duration::ZERO,
        end: End::Requests(requests),
        keep_alive: true,
        threads: 1,
        timeout: Duration::from_secs(20),
        answer_limit: 1 << 20,
        seed: 1,
    }
}

fn get(path: &str, answer: Answer) -> Exchange {
    let (method, path) = ("GET".to_owned(), path.to_owned());
    Exchange { weight: 1, method, path, headers: Vec::new(), body: Content::None, status: 200, answer }
}

/// The server's log, once all that the report counts is in it.
fn log_of(server: &Server, report: &LoadReport) -> Vec<server::Entry> {
    for _ in 0..1000 {
        if server.log().len() as u64 >= report.requests {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    server.log()
}

#[test]
fn every_request_arrives_once_as_its_template_says() {
    let server = Server::start(|request, stream| say(stream, if request.method == "PUT" { 201 } else { 200 }, b"yes"));
    let put = Exchange {
        weight: 1,
        method: "PUT".to_owned(),
        path: "/put/${who}/${n}".to_owned(),
        headers: vec![("X-Turn".to_owned(), "${k%7}".to_owned())],
        body: Content::Text("number ${n} of ${who}".to_owned()),
        status: 201,
        answer: Answer::Length(3),
    };
    let mut plan = plan(server.address, 7, 1001);
    plan.threads = 2;
    plan.mix = vec![Exchange { weight: 6, ..get("/get/${n}", Answer::Bytes(b"yes".as_slice().into())) }, put];
    for (index, client) in plan.clients.iter_mut().enumerate() {
        client.variables.insert("who".to_owned(), format!("w{index}"));
    }
    let report = run(&plan).unwrap();
    assert_eq!((report.requests, report.succeeded, report.failed(), report.dropped), (1001, 1001, 0, 0));
    assert_eq!((report.latency.len(), report.lateness.len(), report.connections), (1001, 0, 7));
    let log = log_of(&server, &report);
    assert_eq!(log.len(), 1001);
    let numbers: BTreeSet<u64> =
        log.iter().map(|entry| entry.request.path.rsplit('/').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..1001).collect());
    let puts: Vec<_> = log.iter().filter(|entry| entry.request.method == "PUT").collect();
    assert_eq!(puts.len(), 143, "one in seven, exactly");
    for entry in &puts {
        let words: Vec<&str> = entry.request.path.split('/').collect();
        assert_eq!(entry.request.body, format!("number {} of {}", words[3], words[2]).as_bytes());
        assert!(entry.request.fields["x-turn"].parse::<u64>().unwrap() < 7);
        assert_eq!(entry.request.fields["host"], server.address.to_string());
    }
    let bodies: usize = puts.iter().map(|entry| entry.request.body.len()).sum();
    assert_eq!((report.sent.bodies, report.received.bodies), (bodies as u64, 3003));
    assert_eq!(report.received.whole, 1001 * "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\nyes".len() as u64);
    assert_eq!(report.turns.iter().map(|turns| turns.end - turns.start).sum::<u64>(), 1001);
}

#[test]
fn each_client_does_its_turns_and_no_more() {
    let server = Server::start(|_, stream| say(stream, 200, b""));
    let mut plan = plan(server.address, 3, 0);
    plan.end = End::Turns;
    plan.mix = vec![get("/${c}/${k}", Answer::Length(0))];
    plan.clients.iter_mut().zip([5..8, 0..2, 9..9]).for_each(|(client, turns)| client.turns = turns);
    let report = run(&plan).unwrap();
    assert_eq!((report.succeeded, report.turns.as_slice()), (5, [5..8, 0..2, 9..9].as_slice()));
    let paths: BTreeSet<String> = log_of(&server, &report).iter().map(|entry| entry.request.path.clone()).collect();
    assert_eq!(paths, ["/0/5", "/0/6", "/0/7", "/1/0", "/1/1"].map(str::to_owned).into());
}

#[test]
fn without_keep_alive_every_request_has_a_connection_of_its_own() {
    let server = Server::start(|request, stream| say(stream, 200, request.fields["connection"].as_bytes()));
    let mut plan = plan(server.address, 4, 50);
    plan.keep_alive = false;
    plan.mix = vec![get("/", Answer::Bytes(b"close".as_slice().into()))];
    let report = run(&plan).unwrap();
    assert_eq!((report.succeeded, report.connections, server.connections()), (50, 50, 50));
}

#[test]
fn warm_up_is_sent_and_does_not_count() {
    let server = Server::start(|_, stream| say(stream, 200, b""));
    let mut plan = plan(server.address, 2, 40);
    plan.warm_up = Duration::from_millis(100);
    plan.pace = open(200.0);
    let report = run(&plan).unwrap();
    // 200 a second for 100 ms, then 40 that count.
    assert_eq!((report.succeeded, report.latency.len(), report.lateness.len()), (40, 40, 40));
    assert_eq!(log_of(&server, &LoadReport { requests: 60, ..report }).len(), 60);
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let good = plan(([127, 0, 0, 1], 1).into(), 1, 1);
    let nonsense: [fn(&mut LoadPlan); 9] = [
        |plan| plan.clients.clear(),
        |plan| plan.mix.clear(),
        |plan| plan.threads = 0,
        |plan| plan.timeout = Duration::ZERO,
        |plan| plan.end = End::Turns,
        |plan| plan.pace = open(0.0),
        |plan| plan.pace = open(f64::NAN),
        |plan| plan.pace = open(f64::MIN_POSITIVE),
        |plan| plan.warm_up = Duration::MAX,
    ];
    for (index, spoil) in nonsense.iter().enumerate() {
        let mut plan = good.clone();
        spoil(&mut plan);
        assert!(run(&plan).is_err(), "{index}");
    }
}

/// So many requests a second, evenly, that are never dropped.
fn open(rate: f64) -> Pace {
    let arrivals = benchline::load::Arrivals::Even;
    Pace::Open { from: rate, to: rate, ramp: Duration::ZERO, arrivals, queue_timeout: Duration::from_secs(60) }
}
