//! How much an outbox holds, and how much goes into one batch.

use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

use crate::component::{BatchConfig, Budget, Parcel, RequestLimit, Sizer};
use crate::otlp::{self, Payload};

/// An amount of telemetry, counted in all three ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub requests: u64,
    pub items: u64,
    pub bytes: u64,
}

impl Size {
    /// The least that a request can need.
    pub const LEAST: Size = Size { requests: 1, items: 1, bytes: 1 };

    pub fn of(payload: &Payload) -> Size {
        Size { requests: 1, items: payload.len(), bytes: payload.bytes().len() as u64 }
    }

    pub(super) fn sum<'a>(parcels: impl IntoIterator<Item = &'a Parcel>) -> Size {
        let mut sum = Size::default();
        parcels.into_iter().for_each(|parcel| sum += Size::of(&parcel.payload));
        sum
    }

    pub fn by(&self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Requests => self.requests,
            Sizer::Items => self.items,
            Sizer::Bytes => self.bytes,
        }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, more: Size) {
        self.requests += more.requests;
        self.items += more.items;
        self.bytes += more.bytes;
    }
}

impl SubAssign for Size {
    fn sub_assign(&mut self, less: Size) {
        self.requests -= less.requests;
        self.items -= less.items;
        self.bytes -= less.bytes;
    }
}

/// What makes a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BatchLimits {
    /// How long the first parcel waits for others while there is less than `min`, and less than fills a request.
    pub flush_timeout: Duration,
    pub min: u64,
    /// `u64::MAX` is none.
    pub max: u64,
    pub sizer: Sizer,
    /// What is merged takes a place in the queue together.
    pub is_before_queue: bool,
    /// In one request.
    pub request: RequestLimit,
}

impl BatchLimits {
    pub fn new(batch: Option<&BatchConfig>, request: RequestLimit) -> BatchLimits {
        let Some(batch) = batch else {
            let flush_timeout = Duration::ZERO;
            let (min, max, sizer) = (0, u64::MAX, Sizer::Items);
            return BatchLimits { flush_timeout, min, max, sizer, is_before_queue: false, request };
        };
        let BatchConfig { flush_timeout, min_size, max_size, sizer, is_before_queue } = *batch;
        let max = if max_size == 0 { u64::MAX } else { max_size };
        BatchLimits { flush_timeout, min: min_size, max, sizer, is_before_queue, request }
    }

    /// How much of a queue that counts in `sizer` this takes.
    pub fn places(&self, size: Size, sizer: Sizer) -> u64 {
        if sizer == Sizer::Requests && self.is_before_queue && self.min > 0 {
            return size.requests.min(size.by(self.sizer).div_ceil(self.min));
        }
        size.by(sizer)
    }

    /// Whether what waits need not wait for more: what fills a request already would wait for another one.
    pub fn suffices(&self, waiting: Size) -> bool {
        self.flush_timeout.is_zero()
            || waiting.by(self.sizer) >= self.min
            || waiting.bytes >= self.request.split_above
    }

    /// Whether `next` may join a batch of `so_far`. A batch need not grow for ever because a lot is waiting.
    pub fn joins(&self, so_far: Size, next: Size) -> bool {
        let mut sum = so_far;
        sum += next;
        let grown = so_far.items >= BATCH_ITEMS || so_far.bytes >= BATCH_BYTES;
        self.fits(sum) && !(grown && so_far.by(self.sizer) >= self.min)
    }

    /// Whether a parcel has to be divided before it can be sent.
    pub fn divides(&self, parcel: &Parcel) -> bool {
        !parcel.divided
            && !self.fits(Size::of(&parcel.payload))
            && !parcel.payload.is_opaque()
            && parcel.payload.len() > 1
    }

    /// Whether a parcel that cannot be divided is not even to be sent.
    pub fn forbids(&self, parcel: &Parcel) -> bool {
        parcel.payload.bytes().len() as u64 > self.request.drop_above
    }

    fn fits(&self, size: Size) -> bool {
        size.bytes <= self.request.split_above && size.by(self.sizer) <= self.max
    }

    /// The parcel in pieces that fit, as far as items can be parted. The copies are charged.
    pub fn divide(&self, parcel: &Parcel, budget: &Budget) -> Vec<Parcel> {
        let bytes_max = match self.sizer {
            Sizer::Bytes => self.request.split_above.min(self.max),
            Sizer::Items | Sizer::Requests => self.request.split_above,
        };
        let items_max = if self.sizer == Sizer::Items { self.max } else { u64::MAX };
        let mut payloads = Vec::new();
        part(&parcel.payload, bytes_max, items_max, &mut payloads);
        pieces(parcel, payloads, budget).collect()
    }
}

/// Halves a parcel by its bytes. One parcel comes back if it cannot be halved.
pub(super) fn halve(parcel: &Parcel, budget: &Budget) -> Vec<Parcel> {
    let payload = &parcel.payload;
    let mut bytes_max = payload.bytes().len() / 2 + 1;
    let mut halves = otlp::split(payload, bytes_max);
    // headers are repeated in each piece; where they are most of the payload, "half" has to be asked for more gently
    while halves.len() > 2 && bytes_max < payload.bytes().len() {
        bytes_max += (payload.bytes().len() - bytes_max).div_ceil(2);
        let gentler = otlp::split(payload, bytes_max);
        if gentler.len() < 2 {
            break;
        }
        halves = gentler;
    }
    pieces(parcel, halves, budget).collect()
}

fn pieces<'a>(
    parcel: &'a Parcel,
    payloads: Vec<Payload>,
    budget: &'a Budget,
) -> impl Iterator<Item = Parcel> + use<'a> {
    let alone = payloads.len() == 1;
    payloads.into_iter().map(move |payload| {
        let bytes = payload.bytes().len() as u64;
        parcel.piece(if alone { payload } else { payload.guarded(budget.charge_copy(bytes)) })
    })
}

fn part(payload: &Payload, bytes_max: u64, items_max: u64, out: &mut Vec<Payload>) {
    let (bytes, items) = (payload.bytes().len() as u64, payload.len());
    let by_items = u128::from(bytes) * u128::from(items_max) / u128::from(items.max(1));
    let aim = u64::try_from(by_items).unwrap_or(u64::MAX).min(bytes_max);
    let aim = usize::try_from(aim).unwrap_or(usize::MAX);
    if bytes <= bytes_max && items <= items_max || items <= 1 {
        out.push(payload.clone());
        return;
    }
    let pieces = otlp::split(payload, aim);
    match &pieces[..] {
        [whole] => out.push(whole.clone()),
        pieces => pieces.iter().for_each(|piece| part(piece, bytes_max, items_max, out)),
    }
}

/// What a batch grows to when nothing else is configured.
const BATCH_ITEMS: u64 = 8192;
const BATCH_BYTES: u64 = 2 << 20;
