//! The root secret of several devices: exactly one, whichever device starts, with right and wrong passphrases.

use std::path::PathBuf;

use benchline_engine::client::{RecoveryError, RecoverySlot};
use benchline_engine::crypto::{Cost, Keys, RootSecret, UnlockError};

use crate::support::{Account, BreakingConnection, TestServer, quick, run_test};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

struct Device {
    slot: RecoverySlot,
    folder: tempfile::TempDir,
}

impl Device {
    fn new(account: &Account, address: &str) -> Self {
        let slot = RecoverySlot::new(&quick(), address, &account.name, account.token.as_str()).unwrap();
        Self { slot, folder: tempfile::tempdir().unwrap() }
    }

    fn local(&self) -> PathBuf {
        self.folder.path().join("recovery")
    }

    async fn establish(&self, passphrase: &str) -> Result<RootSecret, RecoveryError> {
        self.slot.establish(&self.local(), passphrase, CHEAP).await
    }
}

fn database_key(root: &RootSecret) -> String {
    Keys::derive(root).database.pragma().to_string()
}

#[test]
fn a_second_device_adopts_the_first_one_s_secret() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let (one, two) = (Device::new(&ana, &server.address), Device::new(&ana, &server.address));
        let first = one.establish("correct horse").await.unwrap();
        let wrong = two.establish("correct house").await.err().unwrap();
        assert!(matches!(wrong, RecoveryError::Unlock(UnlockError::WrongPassphrase)), "{wrong}");
        assert!(!two.local().exists(), "a typing error leaves nothing");
        let second = two.establish("correct horse").await.unwrap();
        assert_eq!(database_key(&first), database_key(&second));
        assert_eq!(std::fs::read(one.local()).unwrap(), std::fs::read(two.local()).unwrap());
    });
}

#[test]
fn devices_that_start_together_end_with_one_secret() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        for round in 0..5 {
            let ana = server.user(&format!("ana-{round}")).await;
            let devices: Vec<_> = (0..4).map(|_| Device::new(&ana, &server.address)).collect();
            let roots = futures_util::future::join_all(devices.iter().map(|device| device.establish("same"))).await;
            let keys: Vec<_> = roots.iter().map(|root| database_key(root.as_ref().unwrap())).collect();
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    });
}

#[test]
fn nothing_is_stored_locally_before_the_server_has_it() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        // Enough for the first question, not for the answer to the second.
        let connection = BreakingConnection::to(&server.address, 300).await;
        let one = Device::new(&ana, &connection.address);
        assert!(matches!(one.establish("x").await, Err(RecoveryError::Sync(_))));
        assert!(!one.local().exists());
    });
}

#[test]
fn changing_the_passphrase_keeps_the_secret() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let (one, two) = (Device::new(&ana, &server.address), Device::new(&ana, &server.address));
        let absent = one.slot.change_passphrase(&one.local(), "old", "new", CHEAP).await;
        assert!(matches!(absent, Err(RecoveryError::Absent)));
        let before = one.establish("old").await.unwrap();
        one.slot.change_passphrase(&one.local(), "old", "new", CHEAP).await.unwrap();
        assert!(matches!(two.establish("old").await, Err(RecoveryError::Unlock(UnlockError::WrongPassphrase))));
        assert_eq!(database_key(&two.establish("new").await.unwrap()), database_key(&before));
        assert_eq!(std::fs::read(one.local()).unwrap(), std::fs::read(two.local()).unwrap());
    });
}

#[test]
fn a_server_that_lost_its_data_gets_the_same_secret_back() {
    run_test(async {
        let mut server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let one = Device::new(&ana, &server.address);
        let before = one.establish("x").await.unwrap();
        server = server.restart(|data| std::fs::remove_file(TestServer::database_of(data, 1)).unwrap()).await;
        let again = Device { slot: Device::new(&ana, &server.address).slot, folder: one.folder };
        assert_eq!(database_key(&again.establish("x").await.unwrap()), database_key(&before));
        let two = Device::new(&ana, &server.address);
        assert_eq!(database_key(&two.establish("x").await.unwrap()), database_key(&before));
    });
}
