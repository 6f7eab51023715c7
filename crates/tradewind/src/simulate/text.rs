//! Writes numbers, money, times and ids into a byte buffer without formatting machinery.

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0;
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};
const HEX: &[u8; 16] = b"0123456789abcdef";

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while n >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(n % 100) as usize]);
        n /= 100;
    }
    at -= 2;
    digits[at..at + 2].copy_from_slice(&PAIRS[n as usize]);
    at += usize::from(n < 10);
    out.extend_from_slice(&digits[at..]);
}

pub(super) fn signed(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    number(out, n.unsigned_abs());
}

/// Cents as `19.99`.
pub(super) fn money(out: &mut Vec<u8>, cents: i64) {
    if cents < 0 {
        out.push(b'-');
    }
    let cents = cents.unsigned_abs();
    number(out, cents / 100);
    out.push(b'.');
    out.extend_from_slice(&PAIRS[(cents % 100) as usize]);
}

/// The lowest `digits` hexadecimal digits.
pub(super) fn hex(out: &mut Vec<u8>, bits: u64, digits: u32) {
    let mut text = [0; 16];
    for (i, digit) in text.iter_mut().enumerate() {
        *digit = HEX[(bits >> (60 - 4 * i)) as usize & 15];
    }
    out.extend_from_slice(&text[16 - digits as usize..]);
}

/// 128 bits as a UUID with the given version; the version and variant bits of the input are overwritten.
pub(super) fn uuid(out: &mut Vec<u8>, high: u64, low: u64, version: u64) {
    let high = high & !0xf000 | version << 12;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    hex(out, high >> 32, 8);
    out.push(b'-');
    hex(out, high >> 16, 4);
    out.push(b'-');
    hex(out, high, 4);
    out.push(b'-');
    hex(out, low >> 48, 4);
    out.push(b'-');
    hex(out, low, 12);
}

/// UTC µs as `2019-10-01T00:00:00.000000Z`, or to the second as REES46 writes it, `2019-10-01 00:00:00 UTC`.
pub(super) fn time(out: &mut Vec<u8>, time: i64, rees46: bool) {
    let (days, micros) = (
        time.div_euclid(86_400_000_000),
        time.rem_euclid(86_400_000_000) as u64,
    );
    // Days to a civil date (Hinnant), counted in eras of 400 years that begin on 1 March.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097) as u64);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = (year_of_era as i64 + era * 400 + i64::from(month <= 2)).clamp(0, 9_999) as u64;
    let pair = |n: u64| PAIRS[n as usize % 100];
    let seconds = micros / 1_000_000;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (at, value) in [
        (0, year / 100),
        (2, year),
        (5, month),
        (8, day),
        (11, seconds / 3_600),
        (14, seconds / 60 % 60),
        (17, seconds % 60),
        (20, micros / 10_000),
        (22, micros / 100),
        (24, micros),
    ] {
        text[at..at + 2].copy_from_slice(&pair(value));
    }
    if rees46 {
        text[10] = b' ';
        text[19..23].copy_from_slice(b" UTC");
        out.extend_from_slice(&text[..23]);
    } else {
        out.extend_from_slice(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn numbers_and_money() {
        for n in [0, 7, 10, 99, 100, 101, 4_711, 99_999, u64::MAX] {
            assert_eq!(written(|out| number(out, n)), n.to_string());
        }
        assert_eq!(written(|out| signed(out, -12)), "-12");
        assert_eq!(written(|out| money(out, 1_999)), "19.99");
        assert_eq!(written(|out| money(out, -5)), "-0.05");
        assert_eq!(written(|out| hex(out, 0xbeef, 6)), "00beef");
        assert_eq!(
            written(|out| uuid(out, u64::MAX, 0, 7)),
            "ffffffff-ffff-7fff-8000-000000000000"
        );
    }

    #[test]
    fn times_agree_with_chrono() {
        let mut at = 1_000_000_000_123_456;
        for _ in 0..5_000 {
            let expected = chrono::DateTime::from_timestamp_micros(at).unwrap_or_default();
            assert_eq!(
                written(|out| time(out, at, false)),
                expected.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
            );
            assert_eq!(
                written(|out| time(out, at, true)),
                expected.format("%Y-%m-%d %H:%M:%S UTC").to_string()
            );
            at += 777_777_777_777;
        }
    }
}
