use super::*;
use proptest::prelude::*;

const CSV: Shape = Shape::Csv { delimiter: b',' };

/// Splits `bytes` given in pieces of `step`, as (line, content, fault).
fn split(shape: Shape, bytes: &[u8], step: usize) -> Vec<(u64, Vec<u8>, Option<Fault>)> {
    let mut splitter = Splitter::new(shape);
    let (mut held, mut out, mut given) = (Vec::new(), Vec::new(), 0);
    loop {
        let upto = (given + step).min(bytes.len());
        held.extend_from_slice(&bytes[given..upto]);
        given = upto;
        let ended = given == bytes.len();
        loop {
            let mut spans = Vec::new();
            let used = splitter.split(&held, ended, 2, &mut spans);
            out.extend(
                spans
                    .iter()
                    .map(|s| (s.line, held[s.start..s.end].to_vec(), s.fault)),
            );
            held.drain(..used);
            if used == 0 {
                break;
            }
        }
        if ended {
            assert!(held.is_empty(), "everything is used at the end");
            return out;
        }
    }
}

fn texts(shape: Shape, text: &str) -> Vec<(u64, String, Option<Fault>)> {
    let found = split(shape, text.as_bytes(), 7);
    found
        .into_iter()
        .map(|(l, b, f)| (l, String::from_utf8(b).unwrap(), f))
        .collect()
}

#[test]
fn lines_lose_only_their_ends() {
    let found = texts(Shape::Lines, "\u{feff}a\r\n\n  \nb\"x\nlast");
    assert_eq!(
        found,
        [
            (1, "a".into(), None),
            (4, "b\"x".into(), None),
            (5, "last".into(), None)
        ]
    );
}

#[test]
fn quoted_line_ends_stay_inside_the_record() {
    let found = texts(CSV, "h1,h2\n\"a\nb\"\"c\r\n\",d\r\ne\"f,g\n1,\"x\"");
    let want = [
        (1, "h1,h2"),
        (2, "\"a\nb\"\"c\r\n\",d"),
        (5, "e\"f,g"),
        (6, "1,\"x\""),
    ];
    assert_eq!(found, want.map(|(l, t)| (l, t.to_owned(), None)));
}

#[test]
fn an_open_quote_costs_one_line() {
    let found = texts(CSV, "a,\"b\nc,d\ne,f\n");
    assert_eq!(
        found,
        [
            (1, "a,\"b".into(), Some(Fault::OpenQuote)),
            (2, "c,d".into(), None),
            (3, "e,f".into(), None)
        ]
    );
    let mut long = "a,\"b\n".to_owned();
    long.push_str(&"c,d\n".repeat(5_000));
    let found = texts(CSV, &long);
    assert_eq!(found.len(), 5_001);
    assert_eq!(found[0].2, Some(Fault::OpenQuote));
    assert!(found[1..].iter().all(|f| f.2.is_none()));
}

#[test]
fn a_line_without_end_is_cut() {
    for shape in [Shape::Lines, CSV] {
        let mut bytes = vec![b'x'; 3 * MAX_RECORD_BYTES];
        bytes.extend_from_slice(b"\nnext\n");
        let found = split(shape, &bytes, 300_000);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].0, found[0].1.len(), found[0].2),
            (1, MAX_RECORD_BYTES, Some(Fault::TooLong))
        );
        assert_eq!(found[1], (2, b"next".to_vec(), None));
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "[ab,\"\n\r]{0,80}", step in 1usize..20) {
        for shape in [Shape::Lines, CSV] {
            prop_assert_eq!(split(shape, text.as_bytes(), step), split(shape, text.as_bytes(), 1_000));
        }
    }

    #[test]
    fn every_byte_but_line_ends_is_kept(text in "[ab,\"\n]{0,80}") {
        for shape in [Shape::Lines, CSV] {
            let kept: usize = split(shape, text.as_bytes(), 9).iter().map(|r| r.1.iter().filter(|b| **b != b'\n').count()).sum();
            prop_assert_eq!(kept, text.bytes().filter(|b| *b != b'\n').count());
        }
    }
}
