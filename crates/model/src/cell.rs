//! Numbers in the cells of tables as spreadsheets and shops write them: decimal commas, thousands, currency signs.

use std::borrow::Cow;

/// How a file writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NumberStyle {
    /// The decimal character that the mapping names, `.` or `,`.
    pub(crate) decimal: Option<u8>,
    /// The character between groups of thousands that the mapping names.
    pub(crate) thousands: Option<char>,
}

/// A number that cannot be told apart from another one.
const AMBIGUOUS: &str = "a number that is not ambiguous: a comma before three digits may mark decimals or thousands; say which in the mapping with decimal = \",\" or decimal = \".\"";

impl NumberStyle {
    /// The cell as plain digits with a point, when it is a number. Signs of currencies and a code of three letters around it, spaces and
    /// apostrophes between its digits do not count. Without a style of the mapping's, of two kinds of separators the last one marks the
    /// decimals, and a comma alone does, unless three digits follow it.
    ///
    /// # Errors
    /// What is accepted, in words, when the cell is ambiguous. What is no number at all comes back as it is.
    pub(crate) fn plain<'t>(&self, cell: &'t str) -> Result<Cow<'t, str>, &'static str> {
        let cell = cell.trim();
        if self.decimal.is_none() && cell.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Ok(Cow::Borrowed(cell));
        }
        let (negative, number) = bare(cell);
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let mut digits = String::with_capacity(number.len());
        for c in number.chars() {
            // Spaces of every width, and the Swiss apostrophe.
            let groups = matches!(
                c,
                ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}'
            );
            if !groups && self.thousands != Some(c) {
                digits.push(c);
            }
        }
        let unsigned = digits.as_str();
        let decimal = match (self.decimal, unsigned.rfind('.'), unsigned.rfind(',')) {
            (Some(decimal), _, _) => decimal,
            (None, _, None) => b'.',
            (None, Some(point), Some(comma)) => {
                if point > comma {
                    b'.'
                } else {
                    b','
                }
            }
            (None, None, Some(comma)) => {
                let groups: Vec<&str> = unsigned.split(',').collect();
                if groups.len() > 2 {
                    b'.'
                } else if unsigned.len() - comma == 4 && is_digits(groups[1]) && groups[0] != "0" {
                    return Err(AMBIGUOUS);
                } else {
                    b','
                }
            }
        };
        let other = if decimal == b'.' { ',' } else { '.' };
        let (whole, fraction) = match unsigned.rsplit_once(char::from(decimal)) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        // Groups of thousands are of three digits, but for the first.
        let mut groups = whole.split(other);
        let first = groups.next().unwrap_or_default();
        let rest: Vec<&str> = groups.collect();
        let grouped = rest.is_empty()
            || is_digits(first)
                && first.len() <= 3
                && rest
                    .iter()
                    .all(|group| group.len() == 3 && is_digits(group));
        if !grouped {
            return Ok(Cow::Borrowed(cell));
        }
        let sign = if negative { "-" } else { "" };
        let point = if fraction.is_some() { "." } else { "" };
        let fraction = fraction.unwrap_or_default();
        Ok(Cow::Owned(format!(
            "{sign}{first}{}{point}{fraction}",
            rest.concat()
        )))
    }
}

/// A number without what stands around it: its sign, in front or behind, or the brackets of accountants, and signs and codes of currencies.
fn bare(cell: &str) -> (bool, &str) {
    let mut text = cell;
    let mut negative = false;
    loop {
        let before = text;
        text = text.trim();
        for minus in ['-', '\u{2212}'] {
            if let Some(rest) = text
                .strip_prefix(minus)
                .or_else(|| text.strip_suffix(minus))
            {
                // Two signs are no number.
                if negative {
                    return (false, cell);
                }
                (negative, text) = (true, rest);
            }
        }
        text = text.strip_prefix('+').unwrap_or(text);
        if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'))
            && !negative
        {
            (negative, text) = (true, inner);
        }
        text = text.trim_matches(is_currency_sign);
        text = without_code(text);
        if text == before {
            return (negative, text);
        }
    }
}

/// The signs of Unicode's category of currency symbols that shops write.
fn is_currency_sign(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20c0}' | '\u{e3f}' | '\u{fdfc}' | '\u{ff04}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}')
}

/// Without a code such as `EUR` in front or behind.
fn without_code(text: &str) -> &str {
    let is_code = |code: &str| code.bytes().all(|b| b.is_ascii_uppercase());
    if let Some((code, rest)) = text.split_at_checked(3)
        && is_code(code)
        && rest
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || c == '-')
    {
        return rest;
    }
    match text
        .len()
        .checked_sub(3)
        .and_then(|at| text.split_at_checked(at))
    {
        Some((rest, code))
            if is_code(code) && rest.trim_end().ends_with(|c: char| c.is_ascii_digit()) =>
        {
            rest
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(cell: &str) -> String {
        NumberStyle::default().plain(cell).unwrap().into_owned()
    }

    #[test]
    fn numbers_of_spreadsheets_become_plain() {
        for (cell, number) in [
            ("12.50", "12.50"),
            ("12,50", "12.50"),
            (" 12,5 ", "12.5"),
            ("1.234,50", "1234.50"),
            ("1,234.50", "1234.50"),
            ("1,234,567", "1234567"),
            ("1.234.567,8", "1234567.8"),
            ("1 234,50", "1234.50"),
            ("1\u{a0}234\u{202f}567,50", "1234567.50"),
            ("1'234.50", "1234.50"),
            ("12,50 \u{20ac}", "12.50"),
            ("\u{20ac}12.50", "12.50"),
            ("$1,234.50", "1234.50"),
            ("-$5.00", "-5.00"),
            ("$-5.00", "-5.00"),
            ("(5.00)", "-5.00"),
            ("5,00-", "-5.00"),
            ("EUR 12.50", "12.50"),
            ("12,50 EUR", "12.50"),
            ("0,125", "0.125"),
            ("1,2345", "1.2345"),
            ("abc", "abc"),
            ("12,34,56", "12,34,56"),
            ("--5", "--5"),
            ("1e3", "1e3"),
            ("", ""),
        ] {
            assert_eq!(plain(cell), number, "{cell}");
        }
        assert!(NumberStyle::default().plain("1,234").is_err());
        let comma = NumberStyle {
            decimal: Some(b','),
            thousands: None,
        };
        for (cell, number) in [
            ("1.234", "1234"),
            ("1,234", "1.234"),
            ("1.234,5", "1234.5"),
            ("7", "7"),
        ] {
            assert_eq!(comma.plain(cell).unwrap(), number, "{cell}");
        }
        assert_eq!(
            comma.plain("12.50").unwrap(),
            "12.50",
            "no group of thousands"
        );
        let point = NumberStyle {
            decimal: Some(b'.'),
            thousands: Some('_'),
        };
        for (cell, number) in [("1,234", "1234"), ("1_234.5", "1234.5"), ("12,50", "12,50")] {
            assert_eq!(point.plain(cell).unwrap(), number, "{cell}");
        }
    }

    proptest! {
        #[test]
        fn grouping_never_changes_a_number(whole in 0u64..10_000_000_000, cents in 0u32..100, which in 0usize..4) {
            let (group, decimal) = [(".", ","), (",", "."), (" ", ","), ("'", ".")][which];
            let digits = whole.to_string();
            let mut grouped = String::new();
            for (i, c) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) {
                    grouped.push_str(group);
                }
                grouped.push(c);
            }
            prop_assert_eq!(plain(&format!("{grouped}{decimal}{cents:02}")), format!("{whole}.{cents:02}"));
        }

        #[test]
        fn never_panics(cell in "\\PC{0,20}") {
            let _ = NumberStyle::default().plain(&cell);
        }
    }
}
