//! Lets in who has a user's password.
//!
//! bcrypt costs a processor 50 ms and more for each check, on purpose. So a password that was right is remembered, as a
//! salted digest; checks run beside the runtime, one after the other; and who has to
//! wait behind too many of them is told to come again. Wrong passwords are not remembered, and cannot crowd out the
//! users whose passwords are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use super::Htpasswd;
use super::htpasswd::Users;
use crate::component::{BuildContext, Denied, Problem, ServerAuth, Verdict};
use crate::extensions::header::{WRONG, challenge, credentials, denied};
use crate::extensions::watched;
use crate::values::Secret;

pub(super) fn build(config: &Htpasswd, cx: &mut BuildContext) -> Result<Arc<dyn ServerAuth>, Vec<Problem>> {
    let files: Vec<PathBuf> =
        Some(config.file.clone()).filter(|path| !path.as_os_str().is_empty()).into_iter().collect();
    if files.is_empty() && config.inline.is_empty() {
        let problem = Problem::new(&["htpasswd"], "has neither file nor inline: nobody could send");
        return Err(vec![problem.with_help("write file: path")]);
    }
    let wrong = |key| move |why| vec![Problem::new(&["htpasswd", key], why)];
    let known = watched::read(&files).map_err(wrong("file"))?;
    // Each by itself first, so that the one that is wrong is named.
    if !known.is_empty() {
        Users::parse(&known).map_err(wrong("file"))?;
    }
    let inline = config.inline.clone();
    if !inline.is_empty() {
        Users::parse(std::slice::from_ref(&inline)).map_err(wrong("inline"))?;
    }
    let all = move |files: &watched::Contents| -> Result<Users, String> {
        let inline = Some(inline.clone()).filter(|inline| !inline.is_empty());
        Users::parse(&files.iter().cloned().chain(inline).collect::<Vec<_>>())
    };
    let users = all(&known).map_err(wrong("file"))?;
    let basic = Arc::new(Basic(Arc::new(Shared::new(users))));
    if !files.is_empty() {
        let shared = Arc::clone(&basic.0);
        watched::follow(cx, files, known, move |contents| {
            shared.replace(all(contents)?);
            Ok(())
        });
    }
    Ok(basic)
}

pub(super) struct Basic(Arc<Shared>);

struct Shared {
    current: ArcSwap<Current>,
    challenge: HeaderValue,
    /// Checks are made one after the other: attackers get one processor at most.
    turn: Arc<tokio::sync::Semaphore>,
    waiting: AtomicUsize,
}

struct Current {
    users: Users,
    /// By user, the digest of the password that was right.
    remembered: Mutex<HashMap<String, [u8; 32]>>,
}

impl Shared {
    fn new(users: Users) -> Shared {
        Shared {
            current: ArcSwap::from_pointee(Current::new(users)),
            challenge: challenge("Basic", "burgee").expect("it is plain text"),
            turn: Arc::new(tokio::sync::Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// What is remembered goes with the old ones.
    fn replace(&self, users: Users) {
        self.current.store(Arc::new(Current::new(users)));
    }

    fn wrong(&self) -> Denied {
        denied(&self.challenge, WRONG)
    }

    async fn check(self: Arc<Self>, user: String, password: Secret) -> Result<(), Denied> {
        let _waiting = Waiting::begin(&self.waiting).ok_or(Denied::Busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("nobody closes this semaphore");
        // Its turn may come after somebody else's with the same password, or after a new file.
        let current = self.current.load_full();
        let (Some(stored), exists) = current.users.stored(&user) else { return Err(self.wrong()) };
        let digest = stored.with(password.reveal().as_bytes());
        if current.remembers(&user, &digest) {
            return Ok(());
        }
        let stored = stored.clone();
        let check = move || {
            // Nothing stops the check once it runs: it has its turn to its end, even if the client leaves before.
            let _turn = turn;
            stored.is_of(password.reveal().as_bytes())
        };
        let is_right = tokio::task::spawn_blocking(check).await;
        if exists && is_right.unwrap_or(false) {
            // one for each user who exists
            current.remembered().insert(user, digest);
            Ok(())
        } else {
            Err(self.wrong())
        }
    }
}

impl Current {
    fn new(users: Users) -> Current {
        Current { users, remembered: Mutex::default() }
    }

    fn remembers(&self, user: &str, digest: &[u8; 32]) -> bool {
        self.remembered().get(user).is_some_and(|known| known.ct_eq(digest).into())
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<String, [u8; 32]>> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerAuth for Basic {
    fn authenticate(&self, headers: &HeaderMap) -> Verdict {
        let shared = &self.0;
        let said = credentials(headers, &AUTHORIZATION, "Basic");
        let (user, password) = match said.map(read) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::Now(Err(shared.wrong())),
            Err(why) => return Verdict::Now(Err(denied(&shared.challenge, why))),
        };
        let current = shared.current.load();
        match current.users.stored(&user) {
            (Some(stored), _) if stored.is_expensive() => {
                if current.remembers(&user, &stored.with(password.reveal().as_bytes())) {
                    return Verdict::Now(Ok(()));
                }
                Verdict::Later(Arc::clone(shared).check(user, password).boxed())
            }
            (Some(stored), true) => {
                let is_right = stored.is_of(password.reveal().as_bytes());
                Verdict::Now(is_right.then_some(()).ok_or_else(|| shared.wrong()))
            }
            _ => Verdict::Now(Err(shared.wrong())),
        }
    }
}

/// User and password from base64 (RFC 7617); a user has no colon, a password may.
fn read(encoded: &[u8]) -> Option<(String, Secret)> {
    let decoded = String::from_utf8(LENIENT.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

/// One who waits for its turn, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Option<Waiting<'a>> {
        let one = Waiting(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// At 50 ms each, the last of them waits as long as a sender does.
const WAITING_MAX: usize = 64;
/// Some senders leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn who_would_wait_behind_too_many_is_told_to_come_again() {
        let hash = bcrypt::hash("right", 4).expect("it is short");
        let users = Users::parse(&[Secret::new(format!("me:{hash}"))]).expect("a user");
        let shared = Arc::new(Shared::new(users));
        let check =
            |password: &str| Arc::clone(&shared).check("me".to_owned(), Secret::new(password)).boxed();
        let turn = shared.turn.acquire().await.expect("nobody closes it");
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| check("wrong")).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        assert_eq!(check("right").await, Err(Denied::Busy));
        drop(turn);
        for one in waiting {
            assert_eq!(one.await, Err(shared.wrong()));
        }
        assert_eq!(check("right").await, Ok(()), "afterwards there is room again");
    }

    #[test]
    fn a_client_that_leaves_does_not_let_a_second_check_run_beside_its_own() {
        let hash = bcrypt::hash("right", 4).expect("it is short");
        let users = Users::parse(&[Secret::new(format!("me:{hash}"))]).expect("a user");
        let shared = Arc::new(Shared::new(users));
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().expect("a runtime");
        runtime.block_on(async {
            // whatever runs beside the runtime comes after this
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let before = tokio::task::spawn_blocking(move || wait.recv());
            let check = |word: &str| Arc::clone(&shared).check("me".to_owned(), Secret::new(word)).boxed();
            let mut left = check("wrong");
            assert!(poll!(&mut left).is_pending());
            drop(left);
            assert_eq!(shared.turn.available_permits(), 0, "its check is still to come");
            drop(go);
            assert!(before.await.is_ok());
            assert_eq!(check("right").await, Ok(()));
        });
    }
}
