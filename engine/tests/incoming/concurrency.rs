//! Two processes on one folder, two services and three clients, all at once: every message is processed once, by whoever
//! has it, and fences never repeat.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::{Mail, contents, service_token};
use crate::support::{TestServer, both_layouts, payload, run_test};

/// Messages of each service.
const EACH: usize = 25;

#[test]
fn two_services_and_three_clients_at_two_processes_lose_and_duplicate_nothing() {
    run_test(async {
        for config in both_layouts() {
            let (one, mail) = Mail::start(&config).await;
            let other = TestServer::beside(&one, &config).await;
            let mut second = mail.at(&other);
            second.service = service_token(one.server(), "second").await;

            // Both hand over the same ten, too, as services do that share a queue.
            let deliver = async |mail: &Mail, service: usize| {
                for n in (0..10).chain(service * 100..service * 100 + EACH) {
                    let status = mail.put(&format!("m-{n}"), &payload(n, 500)).await.status;
                    assert!(matches!(status, 201 | 204), "{status}");
                }
            };
            let total = 10 + 2 * EACH;
            let done = AtomicUsize::new(0);
            let fences = Mutex::new(BTreeSet::new());
            let processed = Mutex::new(BTreeMap::new());
            let work = async |mail: &Mail| {
                let mut last = 0;
                while done.load(Ordering::Relaxed) < total {
                    for lease in mail.reserve(3).await {
                        assert!(lease.fence > last && lease.tries == 1, "{lease:?} after {last}");
                        last = lease.fence;
                        assert!(fences.lock().unwrap().insert(lease.fence), "a fence was given twice");
                        let content = mail.read(&lease).await;
                        assert_eq!(mail.set(&lease, "processed").await.status, 204);
                        assert!(
                            processed.lock().unwrap().insert(lease.id.clone(), content).is_none(),
                            "processed twice"
                        );
                        assert_eq!(mail.delete(&lease).await.status, 204);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            };
            let third = mail.at(&other);
            let services = async { tokio::join!(deliver(&mail, 1), deliver(&second, 2)) };
            let clients = join_all([&mail, &second, &third].map(work));
            tokio::join!(services, clients);

            let processed = processed.into_inner().unwrap();
            assert_eq!(processed.len(), total);
            for (id, content) in processed {
                let n: usize = id.as_str()[2..].parse().unwrap();
                assert_eq!(content, payload(n, 500), "{id}");
            }
            assert_eq!((mail.used().await, contents(one.folder()), mail.list("").await.len()), (0, 0, 0));
            drop(other.finish().await);
        }
    });
}
