//! Where senders wait for room: `block_on_overflow`.
//!
//! Who waits holds a place in line and the memory of his request, never a reservation. Only the first in line looks for
//! room, and he keeps his place until his request is put: nobody takes what he has waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::limits::Size;
use super::outbox::{Outbox, Room};

/// First in the lines of some outboxes, until it is dropped.
pub(super) type Place = Vec<OwnedMutexGuard<()>>;

/// Waits until all of these have room, or refuse whatever one waits for, or the time is over.
pub(super) async fn for_room(needs: Vec<(Arc<Outbox>, Size)>, deadline: Instant) -> Place {
    let mut place = Place::new();
    // everybody lines up in the same order, so that nobody waits for anybody in a circle
    for (outbox, _) in needs.iter().filter(|(outbox, _)| outbox.blocks()) {
        match timeout_at(deadline, Arc::clone(&outbox.line).lock_owned()).await {
            Ok(first) => place.push(first),
            Err(_) => return place,
        }
    }
    while let Some(hindrance) = hindrance(&needs) {
        let now = Instant::now();
        if now >= deadline {
            break;
        }
        // woken or not: the next look tells; isolation comes with time alone
        let _ = timeout_at(deadline.min(now + LOOK_EVERY), hindrance.room.notified()).await;
    }
    place
}

/// The outbox whose room is worth waiting for.
fn hindrance(needs: &[(Arc<Outbox>, Size)]) -> Option<&Arc<Outbox>> {
    let rooms: Vec<Room> = needs.iter().map(|(outbox, need)| outbox.look(*need)).collect();
    let someone_has_room = rooms.iter().any(|room| matches!(room, Room::Reserved { lossy: false, .. }));
    let mut found = None;
    for ((outbox, _), room) in needs.iter().zip(rooms) {
        match room {
            Room::Reserved { .. } | Room::Lossy => {}
            Room::Full { stuck: true } if someone_has_room => {}
            Room::Full { .. } if outbox.blocks() => found = found.or(Some(outbox)),
            // it refuses at once, and so does the whole request
            Room::Full { .. } | Room::Closed(_) => return None,
        }
    }
    found
}

const LOOK_EVERY: Duration = Duration::from_millis(500);
