//! The account that a client works on, as the server's role announced it. It must never be guessed: without one there is no
//! work.

use benchline_contract::Access;
use benchline_engine::protocol::UserName;

use crate::error::SubjectError;

/// Where a user's server is, and what opens it.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) address: String,
    pub(super) user: UserName,
    pub(super) token: String,
    /// Where a mail service delivers messages for the user, in cases that have one.
    pub(super) incoming: Option<Incoming>,
}

/// Where a mail service delivers messages, and its token.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    pub(super) token: String,
}

impl Account {
    /// Reads the credential: `USER:TOKEN`, and in cases with incoming messages ` ADDRESS SERVICE-TOKEN` behind it.
    ///
    /// # Errors
    /// Where there is no server, or its credential has another form.
    pub(super) fn read(operation: &str, access: Option<&Access>) -> Result<Self, SubjectError> {
        let wrong = |why: &str| SubjectError::Order(format!("`{operation}` needs {why}"));
        let Access { address, credential } = access.ok_or_else(|| wrong("a server"))?;
        let mut words = credential.split(' ');
        let own = words.next().and_then(|own| own.split_once(':'));
        let (user, token) = own.ok_or_else(|| wrong("a credential of user and token"))?;
        let incoming = words.next().zip(words.next());
        Ok(Self {
            address: address.clone(),
            user: user.parse().map_err(SubjectError::engine("reading the credential"))?,
            token: token.to_owned(),
            incoming: incoming
                .map(|(address, token)| Incoming { address: address.to_owned(), token: token.to_owned() }),
        })
    }

    /// The address without its scheme: `127.0.0.1:PORT`.
    pub(super) fn host(&self) -> &str {
        self.address.strip_prefix("http://").unwrap_or(&self.address)
    }
}
