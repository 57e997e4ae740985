//! What opens only with the right key: the root secret, and mail.

use benchline_contract::{FailureKind, Prepare, Reply, Request, Role, Value};

use crate::operations::is_empty;
use crate::pipe::{Subject, case, word};
use crate::vectors;

fn derive(memory: u64, passes: u64, folder: &std::path::Path) -> Prepare {
    case(Role::Client, "crypto/derive", &[("memory", Value::Count(memory)), ("passes", Value::Count(passes))], folder)
}

#[test]
fn unlocking_gives_the_secret_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let documents = vectors::read().documents;
    let proof = documents.iter().find(|vector| (vector.seed, vector.index, vector.size) == (1, 0, 1000)).unwrap();
    let mut subject = Subject::start();
    subject.prepare(derive(64 << 10, 2, folder.path()));
    for count in [1, 2] {
        subject.reset(None);
        assert!(matches!(subject.ask(&Request::Verify), Reply::Failed(_)), "nothing is unlocked yet");
        let sample = subject.iterate(count);
        assert_eq!((sample.items, sample.bytes), (1, 0));
        assert_eq!(subject.verify(), proof.sha256);
    }
    subject.finish();
}

#[test]
fn a_cost_outside_the_engine_s_limits_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start();
    for (memory, passes, named) in [
        (0, 1, "`memory`"),
        (1000, 1, "`memory`"),
        ((1 << 30) + 1024, 1, "`memory`"),
        (u64::MAX, 1, "`memory`"),
        (64 << 10, 0, "`passes`"),
        (64 << 10, 17, "`passes`"),
    ] {
        let reply = subject.ask(&Request::Prepare(derive(memory, passes, folder.path())));
        let Reply::Failed(failed) = reply else { panic!("{memory} bytes, {passes} passes were taken") };
        assert!(failed.kind == FailureKind::Error && failed.message.contains(named), "{}", failed.message);
    }
    subject.finish();
}

#[test]
fn mail_opens_with_a_ring_that_is_fresh_or_reused() {
    for (keyring, vector) in ["fresh", "reused"].into_iter().zip(vectors::read().messages) {
        let size = vector.size.as_u64().map_or_else(|| word("mail"), Value::Count);
        let folder = tempfile::tempdir().unwrap();
        let mut subject = Subject::start();
        let parameters = [("messages", Value::Count(vector.documents)), ("size", size), ("keyring", word(keyring))];
        subject.prepare(Prepare { seed: vector.seed, ..case(Role::Client, "crypto/mail", &parameters, folder.path()) });
        for count in [1, 2] {
            subject.reset(None);
            let sample = subject.iterate(count);
            assert!(sample.items == vector.documents && sample.bytes >= 50 * vector.documents);
            assert_eq!(subject.verify(), vector.digest, "{keyring}");
        }
        subject.finish();
        assert!(is_empty(folder.path()), "the replica of the key ring is left behind");
    }
}
