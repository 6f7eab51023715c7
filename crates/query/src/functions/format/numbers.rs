//! Numbers by a pattern.

use datafusion::error::Result;

use super::super::cell::{Cell, out_of_range};
use super::super::number::{parse, rescale};
use super::bad;

type Answer = Result<Cell<'static>>;

/// A pattern's places.
#[derive(Debug, Default)]
struct Pattern {
    /// Each place: `9`, `0`, `,`, `.`, or a text.
    places: Vec<Place>,
    /// Digits before and after the point.
    before: usize,
    after: usize,
    /// Zeros from here on, counted among the digits before the point.
    zero_from: Option<usize>,
    fill: bool,
    sign: Sign,
    ordinal: Option<bool>,
    roman: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Digit,
    Group,
    Point,
    Text(String),
    Currency,
    SignHere,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// A minus before the first digit, or a blank.
    #[default]
    Before,
    /// `S`: plus or minus at its place.
    Anchored,
    /// `MI`: a minus at its place, or a blank.
    Minus,
    /// `PL`: a plus at its place, or a blank.
    Plus,
    /// `PR`: a negative number in angle brackets.
    Brackets,
}

fn read_pattern(pattern: &str) -> Result<Pattern> {
    let mut read = Pattern {
        fill: true,
        ..Pattern::default()
    };
    let (mut rest, mut after_point) = (pattern, false);
    while let Some(c) = rest.chars().next() {
        let upper = rest.to_uppercase();
        let two = upper.get(..2).unwrap_or_default();
        let mut length = c.len_utf8();
        match two {
            "FM" => {
                read.fill = false;
                length = 2;
            }
            "MI" => {
                read.sign = Sign::Minus;
                read.places.push(Place::SignHere);
                length = 2;
            }
            "PL" => {
                read.sign = Sign::Plus;
                read.places.push(Place::SignHere);
                length = 2;
            }
            "PR" => {
                read.sign = Sign::Brackets;
                length = 2;
            }
            "TH" => {
                read.ordinal = Some(rest.starts_with("TH"));
                length = 2;
            }
            "RN" => {
                read.roman = Some(rest.starts_with("RN"));
                length = 2;
            }
            "SG" => {
                read.sign = Sign::Anchored;
                read.places.push(Place::SignHere);
                length = 2;
            }
            "EE" => return Err(bad("the pattern EEEE (scientific notation) is not offered")),
            _ => match c.to_ascii_uppercase() {
                '9' | '0' => {
                    if after_point {
                        read.after += 1;
                    } else {
                        if c == '0' && read.zero_from.is_none() {
                            read.zero_from = Some(read.before);
                        }
                        read.before += 1;
                    }
                    read.places.push(Place::Digit);
                }
                '.' | 'D' => {
                    after_point = true;
                    read.places.push(Place::Point);
                }
                ',' | 'G' => read.places.push(Place::Group),
                'S' => {
                    read.sign = Sign::Anchored;
                    read.places.push(Place::SignHere);
                }
                'L' | '$' if c != '$' => read.places.push(Place::Currency),
                'V' => return Err(bad("the pattern V (digits moved) is not offered")),
                '"' => {
                    let text: String = rest[1..].chars().take_while(|c| *c != '"').collect();
                    length = (text.len() + 2).min(rest.len());
                    read.places.push(Place::Text(text));
                }
                _ => read.places.push(Place::Text(c.to_string())),
            },
        }
        rest = &rest[length..];
    }
    Ok(read)
}

const ROMAN: [(i128, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

fn roman(value: i128, pattern: &Pattern, upper: bool) -> String {
    if !(1..4000).contains(&value) {
        return "#".repeat(15);
    }
    let (mut left, mut all) = (value, String::new());
    for (size, letters) in ROMAN {
        while left >= size {
            all.push_str(letters);
            left -= size;
        }
    }
    if !upper {
        all = all.to_lowercase();
    }
    if pattern.fill {
        format!("{all:>15}")
    } else {
        all
    }
}

/// A number by a pattern.
pub(super) fn written((value, scale): (i128, i8), text: &str) -> Answer {
    let pattern = read_pattern(text)?;
    if let Some(upper) = pattern.roman {
        let whole = rescale(value, scale, 0).ok_or_else(|| out_of_range("numeric"))?;
        return Ok(Cell::Text(roman(whole, &pattern, upper).into()));
    }
    let after = i8::try_from(pattern.after).map_err(|_| bad("the pattern has too many digits"))?;
    let rounded = rescale(value, scale, after).ok_or_else(|| out_of_range("numeric"))?;
    let negative = rounded < 0;
    let digits = format!(
        "{:0>width$}",
        rounded.unsigned_abs(),
        width = pattern.after + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - pattern.after);
    let whole = whole.trim_start_matches('0');
    let over = whole.len() > pattern.before;
    // Where the first digit stands among those before the point.
    let first = pattern.before.saturating_sub(whole.len());
    let first = pattern.zero_from.map_or(first, |zero| zero.min(first));
    // A number below one shows a zero only where the pattern has no point.
    let first = if whole.is_empty()
        && pattern.zero_from.is_none()
        && pattern.after == 0
        && pattern.before > 0
    {
        pattern.before - 1
    } else {
        first
    };
    // Zeros at the end that FM leaves out, as far as the pattern has nines there.
    let fraction_kept = if pattern.fill {
        fraction.len()
    } else {
        let zeros_wanted = last_zero_after_point(text);
        fraction.trim_end_matches('0').len().max(zeros_wanted)
    };
    let mut all = String::new();
    let sign_in_front = match pattern.sign {
        Sign::Before => {
            if negative {
                "-"
            } else {
                " "
            }
        }
        Sign::Brackets => {
            if negative {
                "<"
            } else {
                " "
            }
        }
        _ => "",
    };
    let anchored_first =
        pattern.sign == Sign::Anchored && pattern.places.first() == Some(&Place::SignHere);
    let front = if anchored_first {
        if negative { "-" } else { "+" }
    } else {
        sign_in_front
    };
    let mut front_written = front.is_empty();
    let (mut at, mut past_point, mut fraction_at) = (0, false, 0);
    let write_front = |all: &mut String, written: &mut bool| {
        if !*written {
            *written = true;
            if pattern.fill || front.trim() != "" {
                all.push_str(front);
            }
        }
    };
    for (place_at, place) in pattern.places.iter().enumerate() {
        match place {
            Place::Digit if past_point => {
                if fraction_at < fraction_kept {
                    let digit = if over {
                        "#"
                    } else {
                        &fraction[fraction_at..=fraction_at]
                    };
                    all.push_str(digit);
                }
                fraction_at += 1;
            }
            Place::Digit => {
                if over {
                    write_front(&mut all, &mut front_written);
                    all.push('#');
                } else if at >= first {
                    write_front(&mut all, &mut front_written);
                    let back = pattern.before - at;
                    let digit = whole
                        .len()
                        .checked_sub(back)
                        .map_or("0", |place| &whole[place..=place]);
                    all.push_str(digit);
                } else if pattern.fill {
                    all.push(' ');
                }
                at += 1;
            }
            Place::Group if past_point => {}
            Place::Group => {
                if at > first || over {
                    all.push(',');
                } else if pattern.fill {
                    all.push(' ');
                }
            }
            Place::Point => {
                past_point = true;
                write_front(&mut all, &mut front_written);
                all.push('.');
            }
            Place::Text(text) => all.push_str(text),
            Place::Currency => {
                if pattern.fill {
                    all.push(' ');
                }
            }
            Place::SignHere => match pattern.sign {
                Sign::Anchored if anchored_first && place_at == 0 => {}
                Sign::Anchored => all.push(if negative { '-' } else { '+' }),
                Sign::Minus => {
                    if negative {
                        all.push('-');
                    } else if pattern.fill {
                        all.push(' ');
                    }
                }
                Sign::Plus => {
                    if !negative {
                        all.push('+');
                    } else if pattern.fill {
                        all.push(' ');
                    }
                }
                _ => {}
            },
        }
    }
    match pattern.sign {
        Sign::Brackets if negative => all.push('>'),
        Sign::Brackets if pattern.fill => all.push(' '),
        // PL leaves the sign before a negative number where it is.
        Sign::Plus if negative => {
            let at = all.find(|c: char| c != ' ').unwrap_or(0);
            all.insert(at, '-');
        }
        _ => {}
    }
    if let Some(upper) = pattern.ordinal
        && !negative
        && pattern.after == 0
    {
        let ending = super::times::ordinal_ending(&all);
        all.push_str(&if upper {
            ending.to_uppercase()
        } else {
            ending.to_owned()
        });
    }
    Ok(Cell::Text(all.into()))
}

/// Digits after the point up to the last 0 of the pattern.
fn last_zero_after_point(pattern: &str) -> usize {
    let upper = pattern.to_uppercase();
    let Some(point) = upper.find(['.', 'D']) else {
        return 0;
    };
    let digits: String = upper[point + 1..]
        .chars()
        .filter(|c| *c == '9' || *c == '0')
        .collect();
    digits.rfind('0').map_or(0, |at| at + 1)
}

/// A number from its text.
pub(super) fn read(text: &str, pattern: &str) -> Answer {
    let known = read_pattern(pattern)?;
    if known.roman.is_some() {
        return Err(bad("the pattern RN is not offered for reading"));
    }
    let (mut digits, mut negative) = (String::new(), false);
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '.' if known.places.contains(&Place::Point) && !digits.contains('.') => {
                digits.push('.')
            }
            '-' | '<' => negative = true,
            _ => {}
        }
    }
    if !digits.bytes().any(|b| b.is_ascii_digit()) {
        return Err(bad(format!(
            "invalid input syntax for type numeric: \"{text}\""
        )));
    }
    let parsed = parse(&digits, 10)?;
    Ok(match parsed {
        Cell::Numeric(value, scale) if negative => Cell::Numeric(-value, scale),
        other => other,
    })
}
