//! A client of the Postgres protocol's simple queries, the same for a real PostgreSQL and for ours.

use std::io::{Read, Write};
use std::net::TcpStream;

/// What a question was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Name and type's oid of each column.
    pub columns: Vec<(String, u32)>,
    /// Values as text.
    pub rows: Vec<Vec<Option<String>>>,
}

pub struct PgClient(TcpStream);

fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = kind.into_iter().collect();
    out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend_from_slice(body);
    out
}

fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), b"\0"].concat()
}

struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        head
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|b| *b == 0).unwrap();
        let text = String::from_utf8_lossy(self.take(end)).into_owned();
        self.take(1);
        text
    }
}

impl PgClient {
    pub fn connect(port: u16, user: &str, database: &str, password: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let startup = [
            &196_608u32.to_be_bytes()[..],
            &text("user"),
            &text(user),
            &text("database"),
            &text(database),
            b"\0",
        ]
        .concat();
        stream.write_all(&message(None, &startup)).unwrap();
        let mut client = Self(stream);
        loop {
            match client.read() {
                (b'R', body) if Body(&body).i32() == 3 => {
                    client
                        .0
                        .write_all(&message(Some(b'p'), &text(password)))
                        .unwrap();
                }
                (b'Z', _) => return client,
                (b'E', body) => panic!("{}", error(&body)),
                _ => {}
            }
        }
    }

    fn read(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        self.0.read_exact(&mut body).unwrap();
        (head[0], body)
    }

    /// The last answer to some statements, or the error's words.
    pub fn ask(&mut self, sql: &str) -> Result<Answer, String> {
        self.0.write_all(&message(Some(b'Q'), &text(sql))).unwrap();
        let mut answer = Answer {
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let mut failed = None;
        loop {
            let (kind, body) = self.read();
            let mut body = Body(&body);
            match kind {
                b'T' => {
                    answer.rows.clear();
                    answer.columns = (0..body.u16())
                        .map(|_| {
                            let name = body.text();
                            body.take(6);
                            let oid = body.i32().cast_unsigned();
                            body.take(8);
                            (name, oid)
                        })
                        .collect();
                }
                b'D' => {
                    let row = (0..body.u16()).map(|_| {
                        let length = body.i32();
                        (length >= 0).then(|| {
                            let bytes = body.take(length.cast_unsigned() as usize);
                            String::from_utf8_lossy(bytes).into_owned()
                        })
                    });
                    answer.rows.push(row.collect());
                }
                b'E' => failed = Some(error(body.0)),
                b'Z' => return failed.map_or(Ok(answer), Err),
                _ => {}
            }
        }
    }
}

fn error(body: &[u8]) -> String {
    let mut body = Body(body);
    let mut words = String::new();
    while let [kind, ..] = body.0 {
        if *kind == 0 {
            break;
        }
        let kind = body.take(1)[0];
        let value = body.text();
        if kind == b'M' {
            words = value;
        }
    }
    words
}
