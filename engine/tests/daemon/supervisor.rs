//! A parent that keeps several processes on one port: it replaces those that die, ends with all of them, and leaves none.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use benchline_engine::server::{PlainHttp, ServeError, ServeOptions, Shutdown, Supervisor};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process::{ProcessOptions, ServerProcess, children_of, is_alive};
use super::talk::{Talk, announcing, head};
use super::{until, user_in};
use crate::support::{Http, payload, quick, run_test};

async fn answers(address: &str) -> bool {
    let Ok(mut talk) = Talk::try_to(address).await else { return false };
    talk.try_send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await && talk.has_answer().await
}

/// The processes that the data know.
fn registered(folder: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(folder.join("processes")).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_dead_process_is_replaced_and_all_shut_down_together() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        config.server.processes = 2.try_into().unwrap();
        let ana = user_in(folder.path(), &config, "ana").await;
        let options = ProcessOptions { supervisor: true, ..ProcessOptions::new(folder.path(), &config) };
        let supervisor = ServerProcess::start(&options).await;
        let address = supervisor.address().to_owned();
        let parent = supervisor.id();
        let registered = || registered(folder.path());
        // Announced is what both do.
        assert_eq!(registered().len(), 2);
        assert!(answers(&address).await);

        let (first, before) = (children_of(parent), registered());
        kill(Pid::from_raw(first[0]), Signal::SIGKILL).unwrap();
        until("another took its place", || async {
            let now = registered();
            !now.is_subset(&before) && children_of(parent).len() == 2
        })
        .await;
        let second = children_of(parent);
        assert!(!second.contains(&first[0]) && second.contains(&first[1]), "only the dead one is replaced");
        until("it answers", || answers(&address)).await;

        // A certificate that is asked to be read again is none of those that have none.
        supervisor.signal(Signal::SIGHUP);
        let content = payload(1, 300_000);
        let path = "/v1/users/ana/blobs/mail/a";
        let mut upload = Talk::to(&address).await;
        upload.send(&head("PUT", path, &announcing(&ana, &content), content.len())).await;
        upload.send(&content[..1000]).await;
        until("the upload is under way", || async {
            let usage = Http::to(&address).of(&ana, "GET", "/v1/users/ana/blobs", "", b"").await;
            String::from_utf8(usage.body).unwrap().contains("\"used\":300000")
        })
        .await;
        assert_eq!(children_of(parent), second);
        supervisor.signal(Signal::SIGTERM);
        until("the port is closed", || async { Talk::try_to(&address).await.is_err() }).await;
        upload.send(&content[1000..]).await;
        assert_eq!(upload.answer().await.status, 201);
        assert!(supervisor.ended().await.success());
        assert!(second.iter().all(|child| !is_alive(*child)));
        // How the living clear away what the dead left is told elsewhere.
        assert!(registered().len() <= 1 && registered().is_subset(&before));
    });
}

#[test]
fn the_processes_end_when_their_supervisor_is_killed() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        config.server.processes = 2.try_into().unwrap();
        let options = ProcessOptions { supervisor: true, ..ProcessOptions::new(folder.path(), &config) };
        let supervisor = ServerProcess::start(&options).await;
        let address = supervisor.address().to_owned();
        assert!(answers(&address).await);
        let children = children_of(supervisor.id());
        assert_eq!(children.len(), 2);
        supervisor.signal(Signal::SIGKILL);
        supervisor.ended().await;
        until("the children are gone", || async { children.iter().all(|child| !is_alive(*child)) }).await;
    });
}

#[test]
fn an_immediate_shutdown_ends_all_processes() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        config.server.processes = 2.try_into().unwrap();
        let ana = user_in(folder.path(), &config, "ana").await;
        let options = ProcessOptions { supervisor: true, ..ProcessOptions::new(folder.path(), &config) };
        let supervisor = ServerProcess::start(&options).await;
        let address = supervisor.address().to_owned();
        assert!(answers(&address).await);
        let children = children_of(supervisor.id());
        let mut upload = Talk::to(&address).await;
        upload.send(&head("PUT", "/v1/users/ana/blobs/mail/a", &announcing(&ana, b"abc"), 3)).await;
        upload.send(b"a").await;
        supervisor.signal(Signal::SIGINT);
        until("the port is closed", || async { Talk::try_to(&address).await.is_err() }).await;
        supervisor.signal(Signal::SIGINT);
        assert_eq!(supervisor.ended().await.code(), Some(3));
        assert!(children.iter().all(|child| !is_alive(*child)));
    });
}

#[test]
fn processes_that_cannot_start_end_the_supervisor() {
    run_test(async {
        let mut config = quick();
        config.server.processes = 2.try_into().unwrap();
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let options =
            ServeOptions { data: "data".into(), listen, tls: None, incoming: None, plain: PlainHttp::Loopback, config };
        let exposed = ServeOptions { listen: vec!["0.0.0.0:0".parse().unwrap()], ..options.clone() };
        assert!(matches!(Supervisor::reserve(&exposed), Err(ServeError::PlainHttp(_))));

        let never = || panic!("none listens");
        let supervisor = Supervisor::reserve(&options).unwrap();
        let outcome = supervisor.run(|_| Command::new("false"), never, Shutdown::new()).await;
        assert!(matches!(outcome, Err(ServeError::Process { times: 5, .. })), "{outcome:?}");
        let supervisor = Supervisor::reserve(&options).unwrap();
        let outcome = supervisor.run(|_| Command::new("/no/such/program"), never, Shutdown::new()).await;
        assert!(matches!(outcome, Err(ServeError::System { .. })), "{outcome:?}");
    });
}
