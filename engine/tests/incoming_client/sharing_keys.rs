//! One key ring on all devices of a user, whichever device starts, and one key at the server.

use std::collections::BTreeSet;

use benchline_engine::client::{KEY_DOCUMENT, KeyRingError};
use benchline_engine::crypto::OpenPgpKey;

use super::device::{MailDevice, OWNER};
use super::stub::MailStub;
use crate::support::{TestServer, id, quick, run_test};

#[test]
fn devices_with_a_key_each_agree_on_one_and_decrypt_mail_to_both() {
    run_test(async {
        let (server, stub) = (TestServer::start(&quick()).await, MailStub::start().await);
        let ana = server.user("ana").await;
        let mut without_reuse = quick();
        without_reuse.keyring.reuse = false;
        let one = MailDevice::new(&ana, &server.address, &stub.address).await;
        let other = MailDevice::with(&without_reuse, &ana, &server.address, &stub.address).await;
        assert!(matches!(one.mail.register().await, Err(KeyRingError::Absent)));

        let mut made = BTreeSet::new();
        let mut mail = Vec::new();
        for device in [&one, &other] {
            let fingerprint = device.mail.ring().establish(OWNER).await.unwrap();
            assert_eq!(device.mail.ring().establish(OWNER).await.unwrap(), fingerprint, "once is enough");
            let keys = device.mail.ring().unlocked().await.unwrap();
            made.insert((keys.current().public().created(), fingerprint));
            mail.push(keys.current().public().encrypt(b"to whom?").unwrap());
        }
        // The one that does not know yet registers its own.
        one.mail.register().await.unwrap();
        assert!(matches!(other.mail.register().await, Err(KeyRingError::Foreign { .. })));

        one.device.sync().await;
        other.device.sync().await;
        one.device.sync().await;
        let expected = made.first().unwrap().1.clone();
        for device in [&one, &other] {
            assert_eq!(device.device.replica.conflicted().await.unwrap(), [id(KEY_DOCUMENT)]);
            assert_eq!(device.mail.ring().establish(OWNER).await.unwrap(), expected);
            assert!(device.device.replica.conflicted().await.unwrap().is_empty());
        }
        // Both resolved by themselves, to the same bytes: that is no new conflict.
        for device in [&one, &other, &one] {
            device.device.sync().await;
        }
        for device in [&one, &other] {
            assert!(device.device.replica.conflicted().await.unwrap().is_empty());
            let keys = device.mail.ring().unlocked().await.unwrap();
            for message in &mail {
                assert_eq!(keys.decrypt(message, 100).unwrap().content, b"to whom?");
            }
            assert_eq!(device.mail.register().await.unwrap(), expected);
            assert_eq!(stub.registered().unwrap().fingerprint(), expected);
        }
    });
}

#[test]
fn a_foreign_key_is_reported_and_not_replaced() {
    run_test(async {
        let (server, stub) = (TestServer::start(&quick()).await, MailStub::start().await);
        let ana = server.user("ana").await;
        let device = MailDevice::new(&ana, &server.address, &stub.address).await;
        let own = device.mail.ring().establish(OWNER).await.unwrap();
        let planted = OpenPgpKey::generate(OWNER).unwrap().public();
        stub.register(&planted);
        let Err(KeyRingError::Foreign { registered, own: ours }) = device.mail.register().await else { panic!() };
        assert_eq!((registered, ours), (planted.fingerprint(), own));
        assert_eq!(stub.registered().unwrap(), planted);
    });
}

#[test]
fn an_unreadable_ring_is_never_overwritten() {
    run_test(async {
        let (server, stub) = (TestServer::start(&quick()).await, MailStub::start().await);
        let ana = server.user("ana").await;
        let device = MailDevice::new(&ana, &server.address, &stub.address).await;
        device.device.create(KEY_DOCUMENT, br#"{"version":2}"#).await;
        assert!(matches!(device.mail.ring().establish(OWNER).await, Err(KeyRingError::Damaged(_))));
        let kept = device.device.replica.get(&id(KEY_DOCUMENT)).await.unwrap().unwrap();
        assert_eq!(kept.content.unwrap(), br#"{"version":2}"#);
    });
}
