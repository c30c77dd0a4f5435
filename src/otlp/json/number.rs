//! The numbers of OTLP/JSON, from their very digits: a 64-bit integer that takes the way through a double is another one.

use std::borrow::Cow;

use crate::otlp::schema::Kind;

/// A scalar as the bits of its varint or fixed field; `None` for null. `token` is one JSON value.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with the field's name.
pub(super) fn read(kind: Kind, token: &str) -> Result<Option<u64>, &'static str> {
    if token == "null" {
        return Ok(None);
    }
    let bits = match kind {
        Kind::Bool => match token {
            "true" => 1,
            "false" => 0,
            _ => return Err("is not true or false"),
        },
        Kind::Double => double(token)?.to_bits(),
        Kind::Enum(names) => {
            match names.iter().position(|name| unquoted(token).is_some_and(|t| t == *name)) {
                Some(value) => value as u64,
                None => {
                    signed_32(token).map_err(|what| if unquoted(token).is_some() { NO_ENUM } else { what })?
                }
            }
        }
        Kind::Int32 => signed_32(token)?,
        Kind::Sint32 => {
            let value = signed_32(token)? as u32;
            u64::from(value << 1 ^ ((value as i32) >> 31) as u32)
        }
        Kind::Uint32 | Kind::Fixed32 => u32::try_from(integer(token)?).map_err(|_| RANGE_U32)?.into(),
        Kind::Int64 | Kind::Sfixed64 => i64::try_from(integer(token)?).map_err(|_| RANGE_I64)? as u64,
        Kind::Uint64 | Kind::Fixed64 => u64::try_from(integer(token)?).map_err(|_| RANGE_U64)?,
        Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => return Err("is not a number"),
    };
    Ok(Some(bits))
}

/// Negative ones as protobuf has them: with the sign in all 64 bits.
fn signed_32(token: &str) -> Result<u64, &'static str> {
    let value = i32::try_from(integer(token)?).map_err(|_| RANGE_I32)?;
    Ok(i64::from(value) as u64)
}

/// The text of a JSON string.
fn unquoted(token: &str) -> Option<Cow<'_, str>> {
    let text = token.strip_prefix('"')?.strip_suffix('"')?;
    if text.contains('\\') {
        serde_json::from_str(token).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// A number or a number as text: digits, or any form of it that is integral.
fn integer(token: &str) -> Result<i128, &'static str> {
    let text = unquoted(token).unwrap_or(Cow::Borrowed(token));
    let number = Decimal::parse(&text).ok_or("is not an integer")?;
    let digits = number.digits.trim_end_matches('0');
    // 10^19 and what is above it does not fit 64 bits, however it is written
    let zeros = (number.digits.len() - digits.len()) as i64 + number.exponent;
    if digits.is_empty() {
        return Ok(0);
    }
    if zeros < 0 {
        return Err("is not an integer");
    }
    if digits.len() as i64 + zeros > DIGITS_MAX {
        return Err("is larger than any integer of OTLP");
    }
    let value: i128 = digits.parse().map_err(|_| "is not an integer")?;
    let value = value * 10i128.pow(zeros as u32);
    Ok(if number.negative { -value } else { value })
}

/// A number, a number as text, or one of the three words for what JSON has no number.
fn double(token: &str) -> Result<f64, &'static str> {
    let text = unquoted(token);
    match text.as_deref() {
        Some("NaN") => return Ok(f64::NAN),
        Some("Infinity") => return Ok(f64::INFINITY),
        Some("-Infinity") => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let text = text.unwrap_or(Cow::Borrowed(token));
    Decimal::parse(&text).ok_or("is not a number")?;
    let value: f64 = text.parse().map_err(|_| "is not a number")?;
    if value.is_finite() { Ok(value) } else { Err("is larger than any double") }
}

/// A number by the grammar of JSON, but for leading zeros: `digits` times ten to the `exponent`.
struct Decimal {
    negative: bool,
    /// Without leading zeros.
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Decimal> {
        let unsigned = text.strip_prefix('-');
        let (mantissa, exponent) = match unsigned.unwrap_or(text).split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (unsigned.unwrap_or(text), 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let digits = [whole, fraction].concat().trim_start_matches('0').to_owned();
        let exponent = exponent.saturating_sub(fraction.len() as i64);
        Some(Decimal { negative: unsigned.is_some(), digits, exponent })
    }
}

/// One beyond all bounds stays there.
fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    let value = digits.parse().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Some(if text.starts_with('-') { -value } else { value })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

const DIGITS_MAX: i64 = 20;
const NO_ENUM: &str = "is not a number, nor a name that OTLP has for it";
const RANGE_I32: &str = "does not fit 32 bits with a sign";
const RANGE_U32: &str = "does not fit 32 bits without a sign";
const RANGE_I64: &str = "does not fit 64 bits with a sign";
const RANGE_U64: &str = "does not fit 64 bits without a sign";

#[cfg(test)]
mod tests {
    use super::*;

    fn int(kind: Kind, token: &str) -> Option<i64> {
        read(kind, token).expect(token).map(|bits| bits as i64)
    }

    #[test]
    fn integers_are_exact_in_every_form_that_is_integral() {
        for (token, value) in [
            ("0", 0),
            ("-0", 0),
            ("\"0\"", 0),
            ("9223372036854775807", i64::MAX),
            ("\"-9223372036854775808\"", i64::MIN),
            ("9.223372036854775807e18", i64::MAX),
            ("1.7634567891234567e+18", 1_763_456_789_123_456_700),
            ("\"1E3\"", 1000),
            ("15.0", 15),
            ("1500e-2", 15),
            ("0e999999999999999999999", 0),
            ("0.000", 0),
            ("\"\\u0031\"", 1),
            ("\"007\"", 7),
        ] {
            assert_eq!(int(Kind::Int64, token), Some(value), "{token}");
        }
        assert_eq!(read(Kind::Fixed64, "18446744073709551615"), Ok(Some(u64::MAX)));
        assert_eq!(int(Kind::Int32, "-5"), Some(-5), "with the sign in all bits");
        assert_eq!(int(Kind::Sint32, "-2147483648"), Some(0xffff_ffff), "zigzag");
        assert_eq!(int(Kind::Sint32, "1"), Some(2));
        assert_eq!(int(Kind::Uint32, "\"4294967295\""), Some(0xffff_ffff));
        assert_eq!(int(Kind::Int64, "null"), None);
    }

    #[test]
    fn what_is_no_integer_or_does_not_fit_is_refused() {
        for token in [
            "1.5", "1e-1", "\"\"", "\" 1\"", "\"+1\"", "\"1.\"", "\".5\"", "\"0x1\"", "true", "{}", "[1]",
            "\"NaN\"",
        ] {
            assert_eq!(read(Kind::Int64, token), Err("is not an integer"), "{token}");
        }
        let long = format!("1{}", "0".repeat(100_000));
        for (kind, token) in [
            (Kind::Int64, "9223372036854775808"),
            (Kind::Uint64, "18446744073709551616"),
            (Kind::Uint64, "-1"),
            (Kind::Uint32, "4294967296"),
            (Kind::Int32, "2147483648"),
            (Kind::Uint64, "1e20"),
            (Kind::Uint64, "1e999999999999999999999"),
            (Kind::Uint64, &long),
        ] {
            assert!(read(kind, token).is_err(), "{token:.30}");
        }
    }

    #[test]
    fn doubles_are_numbers_texts_or_words() {
        let double = |token| read(Kind::Double, token).map(|bits| f64::from_bits(bits.unwrap_or_default()));
        assert_eq!(double("1.025681417215957e-56"), Ok(1.025681417215957e-56));
        assert_eq!(double("\"-0.25\""), Ok(-0.25));
        assert_eq!(double("3"), Ok(3.0));
        assert_eq!(double("\"-Infinity\""), Ok(f64::NEG_INFINITY));
        assert!(double("\"NaN\"").is_ok_and(f64::is_nan));
        assert_eq!(double("-0.0").map(f64::to_bits), Ok((-0.0f64).to_bits()));
        for token in ["\"inf\"", "\"nan\"", "\"infinity\"", "\"1 \"", "\"\"", "false", "{}", "\"1e\""] {
            assert_eq!(double(token), Err("is not a number"), "{token}");
        }
        assert_eq!(double("1e400"), Err("is larger than any double"));
    }

    #[test]
    fn enums_are_numbers_and_by_courtesy_their_names() {
        let kind = Kind::Enum(&["ZERO", "ONE"]);
        assert_eq!(read(kind, "1"), Ok(Some(1)));
        assert_eq!(read(kind, "\"1\""), Ok(Some(1)));
        assert_eq!(read(kind, "77"), Ok(Some(77)), "enums are open");
        assert_eq!(read(kind, "\"ONE\""), Ok(Some(1)));
        assert_eq!(read(kind, "\"one\""), Err(NO_ENUM));
        assert_eq!(read(kind, "1.5"), Err("is not an integer"));
        assert_eq!(read(Kind::Bool, "\"true\""), Err("is not true or false"));
    }
}
