//! Requests: paths, queries, header fields and bodies. The promises are those of `requests::Site`.
#![no_main]

use std::cell::LazyCell;

#[path = "../../engine/tests/parsing/requests.rs"]
mod requests;

thread_local! {
    static SITE: LazyCell<requests::Site> = LazyCell::new(requests::Site::new);
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| SITE.with(|site| {
    let _ = site.send(bytes);
}));
