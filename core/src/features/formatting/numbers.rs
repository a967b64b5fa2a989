//! Numbers and shares. CLDR decimalFormat `#,##0.###` and percentFormat `#,##0%`, alike in `zh-Hans` and `en`:
//! groups of three, a comma between them, a point before the fraction, a minus sign in front.

use crate::base::Decimal;

/// Most digits after the point where nobody says how many.
const USUAL_DIGITS: u32 = 3;

pub(super) fn number(number: Decimal, digits: Option<u32>) -> String {
    match digits {
        Some(digits) => grouped(number, digits),
        None => {
            let rounded = number.rounded(USUAL_DIGITS).normalized();
            grouped(rounded, rounded.scale())
        }
    }
}

pub(super) fn percent(share: Decimal, digits: Option<u32>) -> String {
    format!("{}%", number(share, digits))
}

/// A number with exactly so many digits after the point.
pub(super) fn grouped(number: Decimal, digits: u32) -> String {
    let rounded = number.rounded(digits);
    let text = rounded.to_string();
    let (sign, plain) = text.strip_prefix('-').map_or(("", text.as_str()), |plain| ("-", plain));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let width = usize::try_from(digits).unwrap_or(0);
    let whole = groups(whole);
    // A number that was rounded to zero has no sign.
    let sign = if rounded == Decimal::ZERO { "" } else { sign };
    match width {
        0 => format!("{sign}{whole}"),
        width => format!("{sign}{whole}.{fraction:0<width$}"),
    }
}

fn groups(digits: &str) -> String {
    let mut written = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(place);
        if place > 0 && left.is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}
