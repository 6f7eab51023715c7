//! Cases 09, 11 and 35: files as spreadsheets write them. Decimal commas, marks, encodings, headers.

use anyhow::ensure;
use tradewind_sim::binary::run;

use crate::support::{STORE, Shop};

const EXCEL: &str = r#"name = "excel"
delimiter = ";"
[columns]
Datum = "time"
Vorgang = "type"
Bestellung = "order.order_id"
Artikel = "product.product_id"
Name = "product.name"
Betrag = "product.price"
Kunde = "user_id"
[values.Vorgang]
buy = "order_completed"
[time]
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"
"#;

const PLAIN: &str = "name = \"m\"\n[columns]\nwhen = \"time\"\nwhat = \"type\"\norder = \"order.order_id\"\ntotal = \"order.total\"\nwho = \"user_id\"\n";

impl Shop {
    async fn import(
        &self,
        name: &str,
        content: &[u8],
        map: &str,
    ) -> anyhow::Result<(bool, String)> {
        let (file, map) = (self.file(name, content)?, self.file("map.toml", map)?);
        let arguments = [
            "import",
            &file,
            "--store",
            STORE,
            "--format",
            "csv",
            "--map",
            &map,
            "--currency",
            "EUR",
        ];
        let output = self.binary.run(&self.data(), &arguments).await?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }
}

/// Case 09: what a German Excel writes.
#[test]
fn decimal_commas_marks_and_line_ends_in_fields_are_read() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let head = "\u{feff}\"Datum\";Vorgang;Bestellung;Artikel;Name;Betrag;Kunde\r\n";
        let a = format!(
            "{head}10.11.2026 09:30;buy;B1;A1;\"Tasse; blau\r\n\"\"groß\"\"\";12.50;k1\r\n10.11.2026 10:00;buy;B2;A2;Mütze;7.00;k2\r\n\r\n"
        );
        let b = format!(
            "{head}10.11.2026 11:30;buy;B3;A1;Tasse;12,50;k3\r\n10.11.2026 12:00;buy;B4;A2;Mütze;1.234,50;k4\r\n10.11.2026 12:30;buy;B5;A2;Mütze;7,00 €;k5\r\n10.11.2026 12:40;buy;B6;A2;Mütze;1,234;k6\r\n"
        );
        ensure!(shop.import("a.csv", a.as_bytes(), EXCEL).await?.0, "a");
        let (done, said) = shop.import("b.csv", b.as_bytes(), EXCEL).await?;
        ensure!(
            done && said.contains("ambiguous") && said.contains("decimal = "),
            "{said}"
        );
        shop.expect(
            "SELECT order_id, net_revenue FROM silver.orders ORDER BY 1",
            &[
                &["B1", "12.5000"],
                &["B2", "7.0000"],
                &["B3", "12.5000"],
                &["B4", "1234.5000"],
                &["B5", "7.0000"],
            ],
        )
        .await?;
        shop.expect(
            "SELECT count(*) FROM silver.line_items WHERE name = concat('Tasse; blau', chr(13), chr(10), '\"groß\"')",
            &[&["1"]],
        )
        .await?;
        shop.expect("SELECT count(*) FROM bronze.quarantine", &[&["1"]])
            .await?;
        shop.verify_and_replay().await
    });
}

/// Case 11: UTF-16 with and without its mark is read; Latin-1 is told as what it is, and read when it is named.
#[test]
fn encodings_are_read_or_told() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let text = |order: &str, who: &str| {
            format!(
                "when,what,order,total,who\r\n2026-11-10 09:30:00,order_completed,{order},12.50,{who}\r\n2026-11-10 09:31:00,order_completed,{order}b,12.50,Jim\r\n"
            )
        };
        for (name, mark, order) in [("marked", true, "M"), ("bare", false, "N")] {
            let units = text(order, "J\u{f6}rg \u{1f600}");
            let mut bytes = if mark { vec![0xff, 0xfe] } else { Vec::new() };
            bytes.extend(units.encode_utf16().flat_map(u16::to_le_bytes));
            let (done, said) = shop.import(&format!("{name}.csv"), &bytes, PLAIN).await?;
            ensure!(done, "{name}: {said}");
        }
        let latin = |order: &str| {
            let text = text(order, "J\u{f6}rg");
            text.chars()
                .map(|c| u8::try_from(u32::from(c)))
                .collect::<Result<Vec<u8>, _>>()
        };
        let (done, said) = shop.import("told.csv", &latin("L")?, PLAIN).await?;
        ensure!(
            done && said.contains("UTF-8") && said.contains("--encoding"),
            "{said}"
        );
        let named = format!("encoding = \"windows-1252\"\n{PLAIN}");
        let (done, said) = shop.import("named.csv", &latin("W")?, &named).await?;
        ensure!(done && !said.contains("quarantined"), "{said}");
        shop.expect(
            "SELECT order_id, user_id FROM silver.orders ORDER BY 1",
            &[
                &["Lb", "Jim"],
                &["M", "J\u{f6}rg \u{1f600}"],
                &["Mb", "Jim"],
                &["N", "J\u{f6}rg \u{1f600}"],
                &["Nb", "Jim"],
                &["W", "J\u{f6}rg"],
                &["Wb", "Jim"],
            ],
        )
        .await?;
        shop.verify_and_replay().await
    });
}

/// Case 35: headers that stand twice, differ in case, have spaces or a comma at the end; files of nothing.
#[test]
fn headers_are_taken_for_what_they_say() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let at = "2026-11-10 09:00:00,order_completed";
        for (name, content, done, word) in [
            (
                "twice",
                format!("when,what,order,total,total,who\n{at},T1,10,99,k\n"),
                false,
                "stands twice",
            ),
            (
                "case",
                format!("When,WHAT,Order,Total,Who\n{at},C1,10,k\n"),
                false,
                "`When`",
            ),
            (
                "spaces",
                format!("when, what , order,total,who\n{at},S1, 10 ,k\n"),
                true,
                "",
            ),
            (
                "trailing",
                format!("when,what,order,total,who,\n{at},R1,10,k,\n{at},R2,10,k\n"),
                true,
                "",
            ),
            (
                "longer",
                format!("when,what,order,total,who\n{at},R3,10,k,,\n"),
                true,
                "",
            ),
            ("empty", String::new(), false, "empty"),
            ("header", "when,what,order,total,who\n".to_owned(), true, ""),
            (
                "spans",
                format!("when,what,order,\"the\ntotal\",who,total\n{at},L1,7,k,10\n"),
                true,
                "",
            ),
            (
                "nothing-right",
                "when,what,order,total,who\nnever,order_completed,X,10,k\n".to_owned(),
                false,
                "invalid_time",
            ),
        ] {
            let (success, said) = shop
                .import(&format!("{name}.csv"), content.as_bytes(), PLAIN)
                .await?;
            ensure!(
                success == done && said.contains(word),
                "{name}: {success} {said}"
            );
        }
        shop.expect(
            "SELECT order_id, total FROM silver.orders ORDER BY 1",
            &[
                &["L1", "10.0000"],
                &["R1", "10.0000"],
                &["R2", "10.0000"],
                &["R3", "10.0000"],
                &["S1", "10.0000"],
            ],
        )
        .await
    });
}
