#![doc = include_str!("README.md")]

mod client;
mod htpasswd;
mod server;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BuildContext, Extension, Problem};
use crate::values::Secret;

/// The keys of `basicauth`: one of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may send to a receiver.
    pub htpasswd: Option<Htpasswd>,
    /// Who burgee is to a downstream.
    pub client_auth: Option<ClientKeys>,
}

/// `htpasswd`: users and their passwords, one a line, as `htpasswd -B` writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Htpasswd {
    /// Read again when it changes.
    pub file: PathBuf,
    /// Beside those of the file; of a user in both, this one counts.
    pub inline: Secret,
}

/// `client_auth`: what is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientKeys {
    /// Who burgee is.
    pub username: String,
    /// Instead of `username`; read again when it changes.
    pub username_file: PathBuf,
    /// Its password.
    pub password: Secret,
    /// Instead of `password`; read again when it changes.
    pub password_file: PathBuf,
}

/// Builds the extension: what lets senders in, or what proves to a downstream who sends.
///
/// # Errors
/// Every key that is wrong, and every line of an htpasswd that burgee cannot check a password against.
pub fn build(config: &Config, cx: &mut BuildContext) -> Result<Extension, Vec<Problem>> {
    match (&config.htpasswd, &config.client_auth) {
        (Some(htpasswd), None) => {
            let server = server::build(htpasswd, cx)?;
            Ok(Extension { server_auth: Some(server), ..Extension::default() })
        }
        (None, Some(keys)) => {
            let (client, warnings) = client::build(keys, cx)?;
            Ok(Extension { client_auth: Some(client), warnings, ..Extension::default() })
        }
        (Some(_), Some(_)) => {
            let problem =
                Problem::new(&["client_auth"], "stands beside htpasswd: an extension is one of them");
            Err(vec![problem.with_help("write a second one, such as basicauth/client")])
        }
        (None, None) => {
            let problem = Problem::new(&["htpasswd"], "is missing, and so is client_auth");
            Err(vec![problem.with_help("htpasswd is for receivers, client_auth is for exporters")])
        }
    }
}

#[cfg(test)]
mod tests;
