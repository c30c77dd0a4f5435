//! Lines of an htpasswd, and whether a password is that of one of them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::values::Secret;

/// Users and what their passwords are compared with.
#[derive(Default)]
pub(super) struct Users {
    known: HashMap<String, Stored>,
    /// What a password of nobody is compared with, so that it takes as long as one of somebody.
    decoy: Option<Stored>,
}

/// A password as it is stored.
#[derive(Clone)]
pub(super) enum Stored {
    /// `$2a$`, `$2b$`, `$2x$` or `$2y$`. Expensive on purpose.
    Bcrypt(Secret),
    /// `{SHA}`: without salt, so only as good as the password.
    Sha1([u8; 20]),
    Plain(Secret),
}

impl Users {
    /// Reads texts of lines `user:password`; of a user who comes twice, the last counts.
    ///
    /// # Errors
    /// The first line that cannot be used: its number and why, never what is in it.
    pub fn parse(texts: &[Secret]) -> Result<Users, String> {
        let mut users = Users::default();
        for text in texts {
            for (index, line) in text.reveal().lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let number = index + 1;
                let Some((user, password)) = line.split_once(':') else {
                    return Err(format!("has no colon in line {number}; a line is user:password"));
                };
                let stored = Stored::parse(password)
                    .map_err(|why| format!("cannot be used in line {number}: {why}"))?;
                users.known.insert(user.to_owned(), stored);
            }
        }
        if users.known.is_empty() {
            return Err("has no user in it, so nobody could send".to_owned());
        }
        users.decoy = users.known.values().find(|stored| stored.is_expensive()).cloned();
        Ok(users)
    }

    /// What the password of that user is compared with: somebody else's for a user who does not exist, and then it is
    /// wrong whatever comes of it.
    pub fn stored(&self, user: &str) -> (Option<&Stored>, bool) {
        match self.known.get(user) {
            Some(stored) => (Some(stored), true),
            None => (self.decoy.as_ref(), false),
        }
    }
}

impl Stored {
    fn parse(text: &str) -> Result<Stored, String> {
        if text.is_empty() {
            return Err("there is no password, so anybody could be this user".to_owned());
        }
        if let Some(digest) = text.strip_prefix("{SHA}") {
            let digest = STANDARD.decode(digest).ok().and_then(|digest| digest.try_into().ok());
            return digest
                .map(Stored::Sha1)
                .ok_or_else(|| "what is behind {SHA} is not a SHA-1 digest".to_owned());
        }
        if BCRYPT.iter().any(|prefix| text.starts_with(prefix)) {
            let cost = text.get(4..6).and_then(|cost| cost.parse::<u32>().ok());
            return match (text.parse::<bcrypt::HashParts>(), cost) {
                (_, Some(cost)) if cost > COST_MAX => Err(format!(
                    "its bcrypt has cost {cost}, with which one check takes longer than a sender waits; {COST_MAX} is the most"
                )),
                (Ok(_), Some(_)) => Ok(Stored::Bcrypt(Secret::new(text))),
                _ => Err("its bcrypt is cut off or not right".to_owned()),
            };
        }
        let foreign = FOREIGN.iter().find(|(prefix, _)| text.starts_with(prefix));
        match foreign {
            Some((_, name)) => Err(format!(
                "its password is stored as {name}, which burgee does not read; write it anew with `htpasswd -B`"
            )),
            None => Ok(Stored::Plain(Secret::new(text))),
        }
    }

    pub fn is_expensive(&self) -> bool {
        matches!(self, Stored::Bcrypt(_))
    }

    /// Tells quickly whether a password is one that was right before: a digest of both.
    pub fn with(&self, password: &[u8]) -> [u8; 32] {
        let mut digest = sha2::Sha256::new();
        if let Stored::Bcrypt(hash) = self {
            // it begins with a salt
            digest.update(hash.reveal());
        }
        digest.update(password);
        digest.finalize().into()
    }

    /// Whether it is this password's. Takes milliseconds to seconds if [`is_expensive`](Stored::is_expensive).
    pub fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Stored::Bcrypt(hash) => bcrypt::verify(password, hash.reveal()).unwrap_or(false),
            Stored::Sha1(digest) => {
                let given: [u8; 20] = Sha1::digest(password).into();
                digest.ct_eq(&given).into()
            }
            // digests, since a comparison of texts would tell their length
            Stored::Plain(text) => {
                let digest = |text: &[u8]| -> [u8; 32] { sha2::Sha256::digest(text).into() };
                digest(text.reveal().as_bytes()).ct_eq(&digest(password)).into()
            }
        }
    }
}

const BCRYPT: [&str; 4] = ["$2a$", "$2b$", "$2x$", "$2y$"];
/// About ten seconds on a slow machine.
const COST_MAX: u32 = 16;
/// Other ways to store one, by what they begin with.
const FOREIGN: [(&str, &str); 8] = [
    ("$apr1$", "Apache's MD5 (apr1)"),
    ("$1$", "MD5 crypt"),
    ("$5$", "SHA-256 crypt"),
    ("$6$", "SHA-512 crypt"),
    ("$y$", "yescrypt"),
    ("$argon2", "Argon2"),
    ("{SSHA}", "salted SHA-1"),
    ("{", "a scheme in braces"),
];
