//! Replicas that were synchronised before: nothing to do, a client's start, and edits on two sides.

use benchline_contract::{Iterate, Reply, Request};

use crate::operations::Pair;
use crate::vectors;

#[test]
fn nothing_to_do_is_one_request_and_moves_nothing() {
    let vectors = vectors::read().digests;
    for (operation, vector) in ["sync/nothing", "sync/initialise"].into_iter().zip(&vectors[1..3]) {
        let mut pair = Pair::start(operation, vector, false);
        for count in [1, 3] {
            pair.reset();
            let sample = pair.client.iterate(count);
            assert_eq!((sample.items, sample.bytes), (1, 0));
            assert_eq!(sample.counters["requests"], count, "{operation}: one round trip each");
            assert_eq!((sample.counters["wire_sent"], sample.counters["wire_received"]), (0, 0));
            assert_eq!(pair.client.verify(), vector.digest, "{operation}");
        }
        pair.finish();
    }
}

#[test]
fn both_sides_of_a_conflict_end_with_both_edits() {
    for vector in vectors::read().conflicts {
        let mut pair = Pair::start("sync/conflict", &vector, false);
        for _ in 0..2 {
            pair.reset();
            let sample = pair.client.iterate(1);
            assert_eq!(sample.items, 2 * vector.documents);
            assert_eq!(sample.bytes, 2 * vector.documents * vector.size.as_u64().unwrap());
            let (there, back) = (sample.counters["wire_sent"], sample.counters["wire_received"]);
            assert!(there >= sample.bytes && back >= sample.bytes, "each edit goes up once and down once");
            assert_eq!(pair.client.verify(), vector.digest);
        }
        assert!(matches!(pair.client.ask(&Request::Iterate(Iterate { count: 1 })), Reply::Failed(_)), "used up");
        pair.finish();
    }
}
