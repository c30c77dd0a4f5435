//! Files with secrets, read anew when they change.
//!
//! Files are looked at, not watched: notifications of the system do not reach bind mounts and network file systems,
//! and secrets in Kubernetes are links that are swapped. They are small, so a look reads them whole. What two looks in a
//! row saw counts, so that a file which is being written is not taken in halves.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::component::BuildContext;
use crate::values::Secret;

/// The contents of some files, in their order.
pub(super) type Contents = Vec<Secret>;

/// Reads all of them.
///
/// # Errors
/// The file that cannot be read, and why, in a sentence that reads on after a key.
pub(super) fn read(paths: &[PathBuf]) -> Result<Contents, String> {
    paths
        .iter()
        .map(|path| text(path).map_err(|why| format!("{:?} {why}", path.display().to_string())))
        .collect()
}

/// Gives new contents to `take` for as long as the collector runs; `known` are in force.
pub(super) fn follow(
    cx: &mut BuildContext,
    paths: Vec<PathBuf>,
    known: Contents,
    take: impl Fn(&Contents) -> Result<(), String> + Send + Sync + 'static,
) {
    let take = Arc::new(take);
    let id = Arc::clone(&cx.id);
    cx.task("secrets", move |_| {
        look(Arc::clone(&id), paths.clone(), Ok(known.clone()), Arc::clone(&take), LOOK_EVERY)
    });
}

async fn look<T>(
    extension: Arc<str>,
    paths: Vec<PathBuf>,
    mut known: Result<Contents, String>,
    take: Arc<T>,
    every: Duration,
) where
    T: Fn(&Contents) -> Result<(), String>,
{
    let mut pending = None;
    loop {
        tokio::time::sleep(every).await;
        let files = paths.clone();
        let Ok(seen) = tokio::task::spawn_blocking(move || read(&files)).await else { return };
        if seen == known {
            pending = None;
        } else if pending.as_ref() != Some(&seen) {
            pending = Some(seen);
        } else {
            pending = None;
            match seen.as_ref().map_err(String::clone).and_then(|contents| take(contents)) {
                Ok(()) => tracing::info!(%extension, "new secrets are in force"),
                Err(why) => {
                    tracing::warn!(%extension, why, "secrets cannot be used: the old ones stay in force")
                }
            }
            known = seen;
        }
    }
}

fn text(path: &Path) -> Result<Secret, String> {
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by burgee".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    // What is no file may have no end, or not even a beginning.
    if !path.metadata().map_err(because)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(because)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map(Secret::new).map_err(|_| "is not UTF-8".to_owned())
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Far more than all passwords of a company.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::tempdir;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn new_contents_are_taken_and_a_file_that_vanishes_changes_nothing() {
        let folder = tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, "old").expect("a file");
        let paths = vec![path.clone()];
        let known = read(&paths).expect("it is there");
        let (took, mut taken) = mpsc::channel(8);
        let take = Arc::new(move |contents: &Contents| {
            took.try_send(contents.clone()).expect("there is room");
            Ok(())
        });
        let looking = tokio::spawn(look("x".into(), paths, Ok(known), take, Duration::from_millis(1)));
        fs::write(&path, "new").expect("a file");
        assert_eq!(taken.recv().await, Some(vec![Secret::new("new")]));
        fs::remove_file(&path).expect("it is there");
        fs::write(&path, "newer").expect("a file");
        assert_eq!(taken.recv().await, Some(vec![Secret::new("newer")]));
        looking.abort();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_reason() {
        let folder = tempdir().expect("a folder");
        let read_one = |path: PathBuf| read(&[path]).expect_err("it is no file");
        assert!(read_one(folder.path().join("none")).ends_with("none\" does not exist"));
        assert!(read_one(folder.path().to_owned()).ends_with("is not a file"));
        let binary = folder.path().join("binary");
        fs::write(&binary, [0xff]).expect("a file");
        assert!(read_one(binary).ends_with("is not UTF-8"));
        let large = folder.path().join("large");
        fs::write(&large, "x".repeat((1 << 20) + 1)).expect("a file");
        assert!(read_one(large).contains("is larger than 1048576 bytes"));
    }
}
