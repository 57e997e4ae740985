//! Who may use the server: users, mail services, and the tokens that both log in with. A token is a random secret; only
//! its SHA-256 is stored.

mod accounts;
mod error;
mod schema;
mod service_name;
mod services;
mod token;
mod token_cache;

pub use accounts::{Account, Accounts};
pub use error::AccountError;
pub(super) use schema::MIGRATIONS;
pub use service_name::{InvalidServiceName, ServiceName};
pub use services::{ServiceToken, Services};
pub use token::Token;
