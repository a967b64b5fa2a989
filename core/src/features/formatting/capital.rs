//! Amounts of yuan in Chinese capital numerals, by the basic rules for filling in bills and settlement vouchers
//! (`正确填写票据和结算凭证的基本规定`, annex 1 of `支付结算办法`, document 393 of 1997 of the People's Bank of China):
//!
//! - `人民币` stands in front; behind `元` stands `整` where nothing follows, and none behind `分`. Behind `角` it may
//!   be left out, and is.
//! - Noughts between digits are one `零`. Where the yuan's last digit is nought and jiao follow, `零` may stand
//!   behind `元`, and does; where there are fen and no jiao, it must.

use crate::base::{Code, Decimal, Error, Result};

const DIGITS: [&str; 10] = ["零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"];
/// Units within four digits, from the last one.
const UNITS: [&str; 4] = ["", "拾", "佰", "仟"];
/// The first amount that has no capital form here: ten thousand times a million million yuan.
const BEYOND: i128 = 10_000_000_000_000_000;

pub(super) fn capital(amount: Decimal) -> Result<String> {
    let rounded = amount.rounded(2);
    let fen = in_fen(rounded)?;
    let (yuan, fen, sign) = (fen.abs() / 100, fen.abs() % 100, if fen < 0 { "负" } else { "" });
    if yuan >= BEYOND {
        return Err(Error::new(Code::OutOfRange).rule("capital numerals below 10^16 yuan"));
    }
    let (jiao, fen) = (fen / 10, fen % 10);
    let mut written = String::new();
    if yuan > 0 || (jiao == 0 && fen == 0) {
        let whole = if yuan == 0 { "零".to_owned() } else { below_yi_yi(yuan) };
        written.push_str(&whole);
        written.push('元');
    }
    let apart = yuan > 0 && ((jiao == 0 && fen > 0) || (jiao > 0 && yuan % 10 == 0));
    if apart {
        written.push('零');
    }
    for (digit, unit) in [(jiao, '角'), (fen, '分')] {
        if digit > 0 {
            written.push_str(numeral(digit));
            written.push(unit);
        }
    }
    if jiao == 0 && fen == 0 {
        written.push('整');
    }
    Ok(format!("人民币{sign}{written}"))
}

/// An amount of at most two digits after the point, in hundredths.
fn in_fen(amount: Decimal) -> Result<i128> {
    let missing = 2_u32.saturating_sub(amount.scale());
    let fen = 10_i128.checked_pow(missing).and_then(|factor| amount.mantissa().checked_mul(factor));
    fen.ok_or_else(|| Error::new(Code::OutOfRange))
}

/// Whole yuan below 10^16, in `亿` and what is below that.
fn below_yi_yi(yuan: i128) -> String {
    joined(yuan / 100_000_000, "亿", yuan % 100_000_000, 100_000_000, below_yi)
}

/// Whole yuan below 10^8, in `万` and what is below that.
fn below_yi(yuan: i128) -> String {
    joined(yuan / 10_000, "万", yuan % 10_000, 10_000, four_digits)
}

/// Two groups: the upper with its unit, and the lower behind it, set apart by one `零` where it begins with nought.
fn joined(upper: i128, unit: &str, lower: i128, size: i128, write: fn(i128) -> String) -> String {
    if upper == 0 {
        return write(lower);
    }
    let apart = if lower > 0 && lower < size / 10 { "零" } else { "" };
    let lower = if lower > 0 { write(lower) } else { String::new() };
    format!("{}{unit}{apart}{lower}", write(upper))
}

/// 1 to 9,999.
fn four_digits(number: i128) -> String {
    let mut written = String::new();
    let mut nought = false;
    for (place, unit) in UNITS.iter().enumerate().rev() {
        let power = 10_i128.pow(u32::try_from(place).unwrap_or(0));
        let digit = number / power % 10;
        if digit == 0 {
            nought = !written.is_empty();
            continue;
        }
        if nought {
            written.push('零');
            nought = false;
        }
        written.push_str(numeral(digit));
        written.push_str(unit);
    }
    written
}

fn numeral(digit: i128) -> &'static str {
    usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).copied().unwrap_or_default()
}
