//! Answers that are wrong, each in its own way, and servers that are not there.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use benchline::load::{Answer, Content, Exchange, Fault, LoadReport, run};

use super::server::{Server, say};
use super::{get, plan};

/// What becomes of three requests to a server that answers like this, where `right` is asked for.
fn report(answer: fn(&mut TcpStream) -> bool) -> LoadReport {
    let server = Server::start(move |_, stream| answer(stream));
    let mut plan = plan(server.address, 1, 3);
    plan.mix = vec![get("/", Answer::Bytes(b"right".as_slice().into()))];
    plan.answer_limit = 100_000;
    run(&plan).unwrap()
}

#[track_caller]
fn all_fail(fault: Fault, answer: fn(&mut TcpStream) -> bool) {
    let report = report(answer);
    assert_eq!((report.requests, report.succeeded, report.fault(fault)), (3, 0, 3), "{:?}", report.faults);
    assert_eq!(report.latency.len(), 0, "failures do not pass for speed");
}

/// Writes bytes as they are, and then goes on or not.
fn raw(stream: &mut TcpStream, bytes: &[u8], goes_on: bool) -> bool {
    // A client that has had enough may be gone.
    let _ = stream.write_all(bytes);
    goes_on
}

/// Writes the same over and over until the client has had enough.
fn endlessly(stream: &mut TcpStream, first: &[u8], again: &[u8]) -> bool {
    let mut goes_on = stream.write_all(first).is_ok();
    while goes_on {
        goes_on = stream.write_all(again).is_ok();
    }
    false
}

#[test]
fn wrong_answers_are_told_apart() {
    all_fail(Fault::Status, |stream| say(stream, 500, b"right"));
    all_fail(Fault::Content, |stream| say(stream, 200, b"wrong"));
    all_fail(Fault::Content, |stream| say(stream, 200, b"right and more"));
    all_fail(Fault::TooShort, |stream| raw(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrig", false));
    all_fail(Fault::TooShort, |stream| raw(stream, b"HTTP/1.1 200 OK\r\nConte", false));
    all_fail(Fault::TooShort, |stream| raw(stream, b"", false));
    all_fail(Fault::Malformed, |stream| raw(stream, b"\x16\x03\x01\x02\x00garbage\r\n\r\n", false));
    all_fail(Fault::Malformed, |stream| raw(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrightHTTP", true));
}

#[test]
fn answers_without_end_are_cut_off() {
    all_fail(Fault::TooLong, |stream| endlessly(stream, b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 4096]));
    all_fail(Fault::Malformed, |stream| endlessly(stream, b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"));
    all_fail(Fault::TooLong, |stream| endlessly(stream, b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 4096]));
    all_fail(Fault::TooLong, |stream| {
        endlessly(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nabcd\r\n")
    });
    all_fail(Fault::TooLong, |stream| raw(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", true));
}

#[test]
fn every_way_to_end_a_body_is_read() {
    for answer in [
        |stream: &mut TcpStream| raw(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright", true),
        |stream: &mut TcpStream| raw(stream, b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\nright", false),
        |stream: &mut TcpStream| {
            raw(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nri\r\n3\r\nght\r\n0\r\n\r\n", true)
        },
        |stream: &mut TcpStream| {
            raw(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nright", false)
        },
    ] {
        let report = report(answer);
        assert_eq!((report.succeeded, report.received.bodies), (3, 15), "{:?}", report.faults);
    }
}

#[test]
fn a_server_that_is_silent_times_out_and_is_asked_anew() {
    let server = Server::start(|request, stream| request.path != "/0" || raw(stream, b"HTTP/1.1 200 OK\r\n", true));
    let mut plan = plan(server.address, 1, 3);
    plan.mix = vec![get("/${k}", Answer::Any)];
    plan.timeout = Duration::from_millis(50);
    let report = run(&plan).unwrap();
    assert_eq!((report.requests, report.fault(Fault::Timeout), report.connections), (3, 3, 3));
    assert_eq!(report.latency.len(), 3, "a timeout is a wait, and is shown as one");
    assert!(report.latency.min() >= 49_900_000, "{}", report.latency.min());
}

#[test]
fn nobody_there_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = run(&plan(address, 2, 6)).unwrap();
    assert_eq!((report.requests, report.fault(Fault::Refused), report.connections), (6, 6, 0));
}

#[test]
fn an_answer_before_the_request_was_read_still_tells_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            say(&mut stream, 413, b"too much");
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            open.push(stream);
        }
    });
    let mut plan = plan(address, 1, 2);
    // Less than what sockets hold: a server that reads nothing of more than that is a timeout.
    let body = Content::Bytes(vec![0; 100_000].into());
    plan.mix = vec![Exchange { method: "PUT".to_owned(), body, status: 413, ..get("/", Answer::Length(8)) }];
    let report = run(&plan).unwrap();
    assert_eq!(report.requests, 2);
    assert!(report.succeeded >= 1, "{:?}", report.faults);
}
