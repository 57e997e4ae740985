//! `crypto/mail`: encrypted messages opened one after the other with the user's OpenPGP keys, which are taken from the key
//! ring for each message, as the engine does with incoming mail. The digest is over what the messages say. It must never
//! make a key or encrypt on the clock.

use std::collections::BTreeMap;

use benchline_engine::client::KeyRing;
use benchline_engine::document::DocumentId;
use tokio::runtime::Handle;

use super::documents::{Digest, Documents, SIZE_LIMIT};
use super::replicas::Replicas;
use super::{Client, Setting, Work, too_early};
use crate::clock::Meter;
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

const USER_ID: &str = "user <user@example.org>";

struct Mail {
    /// Encrypted, by the id of the document that each holds.
    messages: Vec<(DocumentId, Vec<u8>)>,
    ring: KeyRing,
    replicas: Replicas,
    /// What the last iteration opened, in the messages' order.
    opened: Option<Vec<Vec<u8>>>,
    operation: String,
    runtime: Handle,
}

pub(super) fn prepare(setting: &Setting<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let mut config = setting.config.clone();
    config.keyring.reuse = parameters.word("keyring", &[("reused", true), ("fresh", false)])?;
    let documents = Documents::read_mail(setting, parameters)?;
    let mut replicas = Replicas::new(setting, "mail");
    let (ring, keys) = setting.runtime.block_on(async {
        let ring = KeyRing::new(&config, &replicas.fresh().await?, &setting.keys);
        let failed = SubjectError::engine("making the user's OpenPGP key");
        ring.establish(USER_ID).await.map_err(failed)?;
        let keys = ring.unlocked().await.map_err(SubjectError::engine("unlocking the user's OpenPGP keys"))?;
        Ok::<_, SubjectError>((ring, keys))
    })?;
    let public = keys.current().public();
    let encrypt = |(id, content): (DocumentId, Vec<u8>)| {
        let message = public.encrypt(&content).map_err(SubjectError::engine("encrypting a message"))?;
        Ok((id, message))
    };
    Ok(Box::new(Mail {
        messages: documents.to_vec().into_iter().map(encrypt).collect::<Result<_, SubjectError>>()?,
        ring,
        replicas,
        opened: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Mail {
    async fn open_all(&self) -> Result<Vec<Vec<u8>>, SubjectError> {
        let mut opened = Vec::with_capacity(self.messages.len());
        for (_, message) in &self.messages {
            let unlocking = SubjectError::engine("unlocking the user's OpenPGP keys");
            let keys = self.ring.unlocked().await.map_err(unlocking)?;
            let decrypted = keys.decrypt(message, SIZE_LIMIT).map_err(SubjectError::engine("opening a message"))?;
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
        let opened = self.opened.iter().flatten();
        let (items, bytes) = opened.fold((0, 0), |(items, bytes), content| (items + 1, bytes + content.len() as u64));
        Ok(Work { items, bytes, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let opened = self.opened.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let mut digest = Digest::new();
        self.messages.iter().zip(opened).for_each(|((id, _), content)| digest.add(id, content));
        Ok(digest.finish())
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.replicas.remove())
    }
}
