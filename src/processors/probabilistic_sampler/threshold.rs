//! Thresholds and randomness of 56 bits: OpenTelemetry's consistent probability sampling ("TraceState: Probability
//! Sampling" of the specification), with the roundings of the Collector's `pkg/sampling` 0.155.

/// How much is rejected: an item stays if its randomness is at least that. At most 2^56, which is everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Threshold(u64);

/// 56 bits that are spread evenly over items, the same for all of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Randomness(u64);

impl Threshold {
    pub(super) const ALWAYS: Threshold = Threshold(0);
    pub(super) const NEVER: Threshold = Threshold(COUNT);

    /// That rejects `rejected` of 2^14.
    pub(super) fn of_buckets(rejected: u32) -> Threshold {
        Threshold(u64::from(rejected) << 42)
    }

    /// That keeps `share`, written with `precision` significant digits; none if the share is not within 2^-56 and 1.
    pub(super) fn keeping(share: f64, precision: u32) -> Option<Threshold> {
        if !(SHARE_MIN..=1.0).contains(&share) {
            return None;
        }
        if share == 1.0 {
            return Some(Threshold::ALWAYS);
        }
        // Digits that are all f or all 0 at the start do not count.
        let leading = |share: f64| (-exponent(share) / BITS_PER_DIGIT).max(0) as u32;
        let digits = DIGITS.min(precision + leading(share).max(leading(1.0 - share)));
        let kept = (share * COUNT as f64).round() as u64;
        let mut rejected = COUNT - kept;
        let shift = 4 * (DIGITS - digits);
        if shift != 0 {
            rejected = (rejected + (1 << (shift - 1))) >> shift << shift;
        }
        Some(Threshold(rejected))
    }

    /// From `th`: up to 14 hexadecimal digits, of which zeros at the end are left out.
    pub(super) fn parse(text: &str) -> Option<Threshold> {
        let digits = u32::try_from(text.len()).ok().filter(|digits| (1..=DIGITS).contains(digits))?;
        Some(Threshold(hex(text)? << (4 * (DIGITS - digits))))
    }

    /// As in `th`; empty for what keeps nothing.
    pub(super) fn digits(self) -> String {
        match self {
            Threshold::ALWAYS => "0".to_owned(),
            Threshold(COUNT..) => String::new(),
            Threshold(rejected) => format!("{rejected:014x}").trim_end_matches('0').to_owned(),
        }
    }

    pub(super) fn keeps(self, randomness: Randomness) -> bool {
        self.0 <= randomness.0
    }

    /// The share that it keeps.
    pub(super) fn share(self) -> f64 {
        (COUNT - self.0) as f64 / COUNT as f64
    }
}

impl Randomness {
    /// What every threshold but the last keeps.
    pub(super) const MOST: Randomness = Randomness(COUNT - 1);

    /// The last 56 bits of a trace id of 16 bytes (W3C Trace Context, level 2); none of an id that is absent or zero.
    pub(super) fn of_trace(id: &[u8]) -> Option<Randomness> {
        let id: [u8; 16] = id.try_into().ok().filter(|id| *id != [0; 16])?;
        let [.., a, b, c, d, e, f, g] = id;
        Some(Randomness(u64::from_be_bytes([0, a, b, c, d, e, f, g])))
    }

    /// From a 32-bit FNV-1a hash of the seed (little endian) and the bytes: its 14 low bits decide, as in the Collector
    /// before there were thresholds; the rest fills up.
    pub(super) fn hashed(bytes: &[u8], seed: u32) -> Randomness {
        let hash = fnv_1a(seed.to_le_bytes().into_iter().chain(bytes.iter().copied()));
        let bucket = u64::from(hash) & (BUCKETS - 1);
        let rest = u64::from(hash >> 18);
        Randomness((BUCKETS - 1 - bucket) << 42 | (rest ^ rest << 10) << 14 | bucket)
    }

    /// From `rv`: 14 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Randomness> {
        if text.len() == DIGITS as usize { hex(text).map(Randomness) } else { None }
    }

    pub(super) fn digits(self) -> String {
        format!("{:014x}", self.0)
    }
}

fn fnv_1a(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Hexadecimal digits alone: `from_str_radix` would take a sign.
fn hex(text: &str) -> Option<u64> {
    let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { u64::from_str_radix(text, 16).ok() } else { None }
}

/// The exponent `e` of a number `m · 2^e` with `m` from a half to one; 0 for zero.
fn exponent(number: f64) -> i32 {
    match number {
        0.0 => 0,
        // subnormal numbers do not occur: shares are at least 2^-56
        _ => ((number.to_bits() >> 52) & 0x7ff) as i32 - 1022,
    }
}

/// Of `hash_seed`.
pub(super) const BUCKETS: u64 = 1 << 14;
/// Of a threshold.
pub(super) const DIGITS: u32 = 14;
pub(super) const SHARE_MIN: f64 = 1.0 / COUNT as f64;
const BITS_PER_DIGIT: i32 = 4;
const COUNT: u64 = 1 << 56;

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(share: f64, precision: u32) -> String {
        Threshold::keeping(share, precision).expect("a share").digits()
    }

    #[test]
    fn thresholds_are_those_of_the_specification() {
        assert_eq!(digits(1.0, 4), "0");
        assert_eq!(digits(0.5, 4), "8");
        assert_eq!(digits(0.25, 4), "c");
        assert_eq!(digits(0.1, 4), "e666");
        assert_eq!(digits(0.01, 4), "fd70a");
        assert_eq!(digits(1.0 / 3.0, 14), "aaaaaaaaaaaaac");
        assert_eq!(Threshold::keeping(0.0, 4), None);
        assert_eq!(Threshold::keeping(1.5, 4), None);
        assert_eq!(Threshold::NEVER.digits(), "");
    }

    #[test]
    fn digits_are_read_back() {
        for text in ["0", "8", "e666", "ffffffffffffff"] {
            assert_eq!(Threshold::parse(text).expect("digits").digits(), text);
        }
        for text in ["", "g", "+1", "123456789abcdef"] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
        assert_eq!(Randomness::parse("0000000000001f").expect("digits").digits(), "0000000000001f");
        assert_eq!(Randomness::parse("1f"), None);
    }

    #[test]
    fn the_last_seven_bytes_of_a_trace_id_are_random() {
        let mut id = [0xee; 16];
        id[9..].copy_from_slice(&[0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Randomness::of_trace(&id), Some(Randomness(0x0102)));
        assert_eq!(Randomness::of_trace(&[0; 16]), None);
        assert_eq!(Randomness::of_trace(&[]), None);
    }

    #[test]
    fn fnv_is_fnv() {
        assert_eq!(fnv_1a(b"foobar".iter().copied()), 0xbf9c_f968);
    }
}
