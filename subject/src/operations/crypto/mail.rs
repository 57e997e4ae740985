//! `crypto/mail`: encrypted messages opened one after the other with the user's OpenPGP keys, which are taken from the key
//! ring for each message, as the engine does with incoming mail. The digest is over what the messages say. It must never
//! make a key or encrypt on the clock.

use std::collections::BTreeMap;

use benchline_contract::Access;
use benchline_engine::client::KeyRing;
use benchline_engine::document::MAX_CONTENT;
use tokio::runtime::Handle;

use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::ContentsDigest;
use crate::operations::messages::{self, Messages};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, too_early};
use crate::parameters::Parameters;

const USER_ID: &str = "user <user@example.org>";

struct Mail {
    /// Encrypted, by number.
    messages: Vec<Vec<u8>>,
    items: u64,
    bytes: u64,
    ring: KeyRing,
    replicas: Replicas,
    /// What the last iteration opened, in the messages' order.
    opened: Option<Vec<Vec<u8>>>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let mut config = setup.config.clone();
    config.keyring.reuse = parameters.word("keyring", &[("reused", true), ("fresh", false)])?;
    let messages = Messages::read(setup, &mut parameters)?;
    parameters.finish()?;
    let mut replicas = Replicas::new(setup, "mail");
    let (ring, keys) = setup.runtime.block_on(async {
        let ring = KeyRing::new(&config, &replicas.fresh().await?, &setup.keys);
        let failed = SubjectError::engine("making the user's OpenPGP key");
        ring.establish(USER_ID).await.map_err(failed)?;
        let keys = ring.unlocked().await.map_err(SubjectError::engine("unlocking the user's OpenPGP keys"))?;
        Ok::<_, SubjectError>((ring, keys))
    })?;
    let public = keys.current().public();
    let encrypted = messages.iter().map(|(_, content)| public.encrypt(content));
    Ok(Box::new(Mail {
        messages: encrypted.collect::<Result<_, _>>().map_err(SubjectError::engine("encrypting a message"))?,
        items: messages.count(),
        bytes: messages.bytes(),
        ring,
        replicas,
        opened: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Mail {
    async fn open_all(&self) -> Result<Vec<Vec<u8>>, SubjectError> {
        let mut opened = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            let unlocking = SubjectError::engine("unlocking the user's OpenPGP keys");
            let keys = self.ring.unlocked().await.map_err(unlocking)?;
            let decrypted = keys.decrypt(message, MAX_CONTENT).map_err(SubjectError::engine("opening a message"))?;
            opened.push(decrypted.content);
        }
        Ok(opened)
    }
}

impl Client for Mail {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.opened = None;
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        for _ in 0..count {
            self.opened = None;
            self.opened = Some(meter.time(|| self.runtime.block_on(self.open_all()))?);
        }
        Ok(Work { items: self.items, bytes: self.bytes, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let opened = self.opened.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let mut digest = ContentsDigest::new();
        (0..).zip(opened).for_each(|(number, content)| digest.add(&messages::id(number), content));
        Ok(digest.finish())
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.replicas.remove())
    }
}
