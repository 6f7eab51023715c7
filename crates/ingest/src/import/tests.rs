use super::*;
use crate::testing::{Kept, Shops, Still, by_position, everything, open, real_file, shop};
use std::io::Write as _;
use std::path::PathBuf;
use tradewind_journal::EmbeddedJournal;

pub(super) const REES46: &str = "rees46_multicat_2019-10-01_head17k.csv";
const SIMPLE: &str =
    "[columns]\nwhen = \"time\"\nwho = \"user_id\"\n[constants]\ntype = \"page_viewed\"\n";

pub(super) fn quietly(_: &ImportProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(super) fn importer(journal: Arc<dyn Journal>) -> Importer {
    Importer::new(
        journal,
        Arc::new(Still),
        Arc::new(Shops(vec![shop("s1"), shop("s2")])),
    )
}

pub(super) fn simple() -> ImportOptions {
    ImportOptions::new(shop("s1"), ImportFormat::csv("simple", SIMPLE))
}

pub(super) fn rees46() -> ImportOptions {
    ImportOptions::new(shop("s1"), ImportFormat::named("rees46").unwrap())
}

pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) journal: Arc<EmbeddedJournal>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder.path().join("log"));
        Self { folder, journal }
    }
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
    pub(super) fn import(
        &self,
        path: &Path,
        options: &ImportOptions,
    ) -> Result<Vec<ImportSummary>, ImportError> {
        importer(self.journal.clone()).import_file(path, options, &mut quietly)
    }
    pub(super) fn one(&self, path: &Path, options: &ImportOptions) -> ImportSummary {
        self.import(path, options).unwrap().remove(0)
    }
    pub(super) fn kept(&self) -> Vec<Kept> {
        by_position(self.journal.as_ref())
    }
}

fn check_rees46(bench: &Bench, path: &Path) {
    let first = bench.one(path, &rees46());
    assert_eq!(
        (first.lines, first.accepted, first.rejected),
        (17_435, 17_434, 1)
    );
    assert_eq!(first.rejections[0].line, 17_436);
    assert!(
        first.rejections[0]
            .message
            .ends_with("line 17436: the line has 8 fields, the header has 9"),
        "{first:?}"
    );
    let kept = bench.kept();
    assert_eq!(kept.len(), 17_435);
    let bad: Vec<&Kept> = kept.iter().filter(|k| k.rejected.is_some()).collect();
    assert_eq!((bad.len(), bad[0].position), (1, 17_436));
    assert_eq!(
        kept.iter().filter(|k| k.id.ends_with("-1")).count(),
        3,
        "exact duplicates stay separate events"
    );
    let again = bench.one(path, &rees46());
    assert!(again.already_complete);
    assert_eq!(
        (again.added, again.accepted, again.rejected),
        (0, 17_434, 1)
    );
    assert_eq!(bench.kept().len(), 17_435);
}

#[test]
fn the_real_file_comes_in_once_however_it_is_packed() {
    let Some(path) = real_file(REES46) else {
        return;
    };
    let content = std::fs::read(&path).unwrap();
    let bench = Bench::new();
    check_rees46(&bench, &path);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&content).unwrap();
    let gz = gz.finish().unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("2019-Oct.csv", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&content).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let zst = zstd::encode_all(content.as_slice(), 1).unwrap();
    for (name, bytes) in [("a.csv.gz", gz), ("b.zip", zip), ("c.csv.zst", zst)] {
        let path = bench.file(name, &bytes);
        assert!(
            bench.one(&path, &rees46()).already_complete,
            "{name} is the same file"
        );
        let fresh = Bench::new();
        check_rees46(&fresh, &path);
    }
    let mut original = content
        .split(|b| *b == b'\n')
        .skip(1)
        .map(|l| l.trim_ascii_end().to_vec());
    assert!(
        bench
            .kept()
            .iter()
            .all(|k| Some(&k.raw) == original.next().as_ref()),
        "j3: the lines are the file's own"
    );
}

#[test]
fn another_file_repeats_the_ids_of_the_lines_it_shares() {
    let bench = Bench::new();
    let short = bench.file(
        "a.csv",
        "when,who\n2026-01-01T00:00:00Z,u1\n2026-01-01T00:00:00Z,u1\n",
    );
    let long = bench.file(
        "b.csv",
        "when,who\n2026-01-02T00:00:00Z,u2\n2026-01-01T00:00:00Z,u1\n2026-01-01T00:00:00Z,u1\n",
    );
    assert_eq!(bench.one(&short, &simple()).added, 2);
    assert_eq!(bench.one(&long, &simple()).added, 3);
    let ids: std::collections::HashSet<String> = everything(bench.journal.as_ref())
        .into_iter()
        .map(|k| k.id)
        .collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn lines_find_their_store_and_unknown_stores_are_named() {
    let bench = Bench::new();
    let mapping = format!("store = \"shop\"\n{SIMPLE}");
    let file = bench.file("a.csv", "when,who,shop\n2026-01-01T00:00:00Z,u,s2\n2026-01-01T00:00:00Z,u,nowhere\n2026-01-01T00:00:00Z,u,\n");
    let summary = bench.one(
        &file,
        &ImportOptions::new(shop("s1"), ImportFormat::csv("m", &mapping)),
    );
    assert_eq!((summary.accepted, summary.rejected), (2, 1));
    let expected =
        "a.csv line 3: the line belongs to store `nowhere`, which does not exist; create the store";
    assert!(
        summary.rejections[0].message.starts_with(expected),
        "{summary:?}"
    );
    let stores: Vec<String> = bench.kept().into_iter().map(|k| k.store).collect();
    assert_eq!(stores, ["s2", "s1", "s1"]);

    let lines = r#"{"type":"page_viewed","event_id":"1","user_id":"u","store_id":"s2"}"#;
    let file = bench.file("b.ndjson", lines);
    let mut options = ImportOptions::new(shop("s1"), ImportFormat::Ndjson);
    options.store_by_line = true;
    assert_eq!(bench.one(&file, &options).accepted, 1);
}

#[test]
fn ids_come_from_the_line_its_dedup_columns_or_its_bytes() {
    let bench = Bench::new();
    let own = SIMPLE.replace("[columns]", "[columns]\nid = \"event_id\"");
    let file = bench.file("own.csv", "id,when,who\nx1,2026-01-01T00:00:00Z,u\nx2,2026-01-01T00:00:00Z,u\n,2026-01-01T00:00:00Z,u\n");
    bench.one(
        &file,
        &ImportOptions::new(shop("s1"), ImportFormat::csv("own", &own)),
    );
    let ids: Vec<(String, String)> = bench
        .kept()
        .into_iter()
        .map(|k| (k.id, k.given_id))
        .collect();
    assert_eq!(
        ids[..2],
        [("x1".into(), String::new()), ("x2".into(), String::new())]
    );
    assert!(ids[2].0.ends_with("-0") && ids[2].0 == ids[2].1);

    let bench = Bench::new();
    let dedup = format!("dedup = [\"who\"]\n{SIMPLE}");
    let file = bench.file(
        "dedup.csv",
        "when,who\n2026-01-01T00:00:00Z,u\n2026-01-02T00:00:00Z,u\n",
    );
    bench.one(
        &file,
        &ImportOptions::new(shop("s1"), ImportFormat::csv("dedup", &dedup)),
    );
    let ids: Vec<String> = everything(bench.journal.as_ref())
        .into_iter()
        .map(|k| k.id)
        .collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

#[test]
fn bad_lines_do_not_stop_a_file() {
    let bench = Bench::new();
    let text = "\u{feff}when,who\r\n2026-01-01T00:00:00Z,\"a\r\nb\"\r\n2026-01-01T00:00:00Z,\"open\n\n2026-01-01T00:00:00Z,u\nnever,u\n";
    let summary = bench.one(&bench.file("a.csv", text), &simple());
    assert_eq!(
        (summary.lines, summary.accepted, summary.rejected),
        (4, 2, 2)
    );
    let lines: Vec<u64> = summary.rejections.iter().map(|r| r.line).collect();
    assert_eq!(lines, [4, 7]);
    assert!(
        summary.rejections[0]
            .message
            .contains("a quote is opened and not closed")
    );
    assert!(
        summary.rejections[1].message.contains("`when` is `never`"),
        "{summary:?}"
    );
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let bench = Bench::new();
    let told =
        |path: &Path, options: &ImportOptions| bench.import(path, options).unwrap_err().to_string();
    assert!(
        told(Path::new("/nowhere/x.csv"), &rees46()).starts_with("`/nowhere/x.csv` cannot be read")
    );
    let other = bench.file("o.csv", "a,b\n1,2\n");
    let message = told(&other, &rees46());
    assert!(
        message.contains("`o.csv` cannot be read as rees46")
            && message.contains("its columns are `a`, `b`"),
        "{message}"
    );
    let ndjson = ImportOptions::new(shop("s1"), ImportFormat::Ndjson);
    assert!(told(&other, &ndjson).contains("none of its first lines is a JSON object"));
    assert!(told(&bench.file("x.json", "[\n{}]"), &ndjson).contains("one JSON array"));
    assert!(told(&bench.file("e.csv", ""), &rees46()).contains("is empty"));
    assert!(
        ImportFormat::named("exel")
            .unwrap_err()
            .to_string()
            .contains("rees46")
    );
    assert!(everything(bench.journal.as_ref()).is_empty());
}

#[test]
fn of_a_damaged_file_the_whole_lines_before_the_damage_are_kept() {
    let bench = Bench::new();
    let mut text = "when,who\n".to_owned();
    for i in 0..20_000 {
        text.push_str(&format!("2026-01-01T00:00:00Z,user{}\n", i * 7919 % 20_011));
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let mut bytes = gz.finish().unwrap();
    bytes.truncate(bytes.len() / 2);
    let cut = bench.file("cut.csv.gz", &bytes);
    for _ in 0..2 {
        let Err(ImportError::Damaged { line, summary, .. }) = bench.import(&cut, &simple()) else {
            panic!("not told")
        };
        assert!(
            summary.accepted > 5_000 && summary.accepted + 1 == line && summary.rejected == 0,
            "{summary:?}"
        );
        let kept = bench.kept();
        assert_eq!(kept.len() as u64, summary.accepted);
        assert!(
            kept.iter()
                .zip(text.lines().skip(1))
                .all(|(k, line)| k.raw == line.as_bytes())
        );
    }
}

fn lines(range: std::ops::Range<u32>) -> String {
    range
        .map(|i| {
            format!(
                "2026-{:02}-{:02}T00:00:00Z,user{i}\n",
                i % 6 + 1,
                i % 28 + 1
            )
        })
        .collect()
}

#[test]
fn a_whole_copy_of_a_damaged_file_and_a_file_that_has_grown_add_only_the_rest() {
    let bench = Bench::new();
    let text = format!("when,who\n{}", lines(0..20_000));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let mut cut = gz.finish().unwrap();
    cut.truncate(cut.len() / 2);
    let cut = bench.file("cut.csv.gz", &cut);
    let Err(ImportError::Damaged { summary, .. }) = bench.import(&cut, &simple()) else {
        panic!("not told")
    };
    let begun = summary.accepted;
    assert!(begun > 1_000, "{begun}");
    let whole = bench.one(&bench.file("whole.csv", &text), &simple());
    assert_eq!((whole.accepted, whole.added), (20_000, 20_000 - begun));
    // It grows twice; the second time its last line is not finished yet.
    let grown = format!("{text}{}", lines(20_000..20_100));
    let added = bench.one(&bench.file("a.csv", &grown), &simple()).added;
    assert_eq!(added, 100);
    let half = format!("{grown}2026-01-01T00:00:00Z,us");
    let added = bench.one(&bench.file("b.csv", &half), &simple()).added;
    assert_eq!(added, 1);
    let kept = bench.kept();
    let own: Vec<&[u8]> = kept.iter().map(|k| k.raw.as_slice()).take(20_100).collect();
    let expected: Vec<&[u8]> = grown.lines().skip(1).map(str::as_bytes).collect();
    assert_eq!(own, expected, "every line once, in order");
    // A file that only begins alike, up to a line, is another file.
    let other = format!("when,who\n{}{}", lines(0..19_999), lines(30_000..30_001));
    let added = bench.one(&bench.file("c.csv", &other), &simple()).added;
    assert_eq!(
        added,
        20_000 - begun,
        "all but the part that was read of the damaged one"
    );
}

#[test]
fn remote_bodies_are_the_same_events() {
    let bench = Bench::new();
    let text = "when,who,extra\n2026-01-01T00:00:00Z,u1,x\nnever,u,\n2026-01-01T00:00:00Z,u1,x\n";
    let csv = Input::of(&bench.file("a.csv", text)).unwrap().remove(0);
    bench.one(&bench.folder.path().join("a.csv"), &simple());
    let local: Vec<String> = bench
        .kept()
        .into_iter()
        .filter(|k| k.rejected.is_none())
        .map(|k| k.id)
        .collect();
    let remote = RemoteLines::new(
        shop("s1").store_id.clone(),
        simple().format,
        100,
        Arc::new(Still),
    );
    let mut bodies = Vec::new();
    remote
        .each(&csv, |body| {
            bodies.push(body);
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(
        (bodies.len(), &bodies[0].lines, bodies[0].rejected[0].line),
        (1, &vec![2, 4], 3)
    );
    for (line, id) in bodies[0].body.split(|b| *b == b'\n').zip(&local) {
        let line = String::from_utf8_lossy(line);
        assert!(
            line.contains(&format!("\"event_id\":\"{id}\""))
                && line.contains("\"properties\":{\"extra\":\"x\"}"),
            "{line}"
        );
    }
    let json = bench.file(
        "a.json",
        "{\"type\":\"page_viewed\"}\n{\"event_id\":\"1\"}\n{}\n",
    );
    let remote = RemoteLines::new(
        shop("s1").store_id.clone(),
        ImportFormat::Ndjson,
        100,
        Arc::new(Still),
    );
    let mut sent = String::new();
    remote
        .each(&Input::of(&json).unwrap()[0], |body| {
            sent.push_str(&String::from_utf8(body.body).unwrap());
            Ok::<(), ()>(())
        })
        .unwrap();
    let lines: Vec<&str> = sent.lines().collect();
    assert!(
        lines[0].starts_with("{\"event_id\":\"")
            && lines[0].ends_with("-0\",\"type\":\"page_viewed\"}"),
        "{sent}"
    );
    assert_eq!(lines[1], "{\"event_id\":\"1\"}");
    assert!(lines[2].ends_with("-0\"}"));
}
