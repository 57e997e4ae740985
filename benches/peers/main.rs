//! The engine's part of a comparison with other programs: each command does one job that a peer does too and prints what
//! it took as one line of JSON. `benches/peers/run` alternates it with the peers and makes the table; nothing is judged here.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program that prints measurements")]

mod blobs;
mod documents;
mod load;
mod sealing;
mod serving;

use std::path::PathBuf;

const USAGE: &str = "peers seal BYTES | seal-file FILE | open-file FILE | documents COUNT SIZE FOLDER \
                     | blobs SOURCE FOLDER | load get|put CLIENTS SECONDS RATE FOLDER | serve FOLDER USERS";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect(USAGE);
    let folder = |text: &str| PathBuf::from(text);
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words[..] {
        ["seal", bytes] => sealing::in_memory(number(bytes) as usize),
        ["seal-file", file] => sealing::seal_file(&folder(file)),
        ["open-file", file] => sealing::open_file(&folder(file)),
        ["documents", count, size, work] => {
            runtime().block_on(documents::run(number(count) as usize, number(size) as usize, &folder(work)));
        }
        ["blobs", source, work] => runtime().block_on(blobs::run(&folder(source), &folder(work))),
        ["load", kind, clients, seconds, rate, work] => {
            runtime().block_on(load::run(
                kind == "put",
                number(clients) as usize,
                number(seconds),
                number(rate),
                &folder(work),
            ));
        }
        ["serve", work, users] => runtime().block_on(serving::serve(&folder(work), number(users))),
        _ => panic!("{USAGE}"),
    }
}
