//! Case 33: the shop's own page may send. Preflights, `text/plain`, a key in the address that can do nothing but send.

use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use tradewind_sim::binary::run;
use tradewind_sim::http;
use tradewind_sim::server::Server;

use crate::support::{STORE, Shop};

const EVENT: &str = r#"{"type":"page_viewed","anonymous_id":"a"}"#;

#[test]
fn t1_pages_send_with_a_key_that_can_only_send() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let data = shop.data();
        let any = shop.binary.create_key(&data, STORE, "write").await?;
        let read = shop.binary.create_key(&data, STORE, "read").await?;
        let create = [
            "key",
            "create",
            "--store",
            STORE,
            "--kind",
            "write",
            "--origin",
            "https://shop.example",
        ];
        let own = shop.run(&create).await?.trim().to_owned();
        let listed = shop.run(&["key", "list", "--store", STORE]).await?;
        ensure!(listed.contains("pages of https://shop.example"), "{listed}");
        let mut server = Server::new(&shop.binary, &data)?;
        server.spawn()?;
        server.ready().await?;
        let client = http::client(Duration::from_secs(10))?;
        let url = server.url();
        let asked = client
            .request(Method::OPTIONS, format!("{url}/v1/events"))
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .send()
            .await?;
        ensure!(asked.status() == 204, "preflight: {}", asked.status());
        let allowed = |response: &reqwest::Response| {
            let header = response.headers().get("access-control-allow-origin");
            header.is_some_and(|origin| origin == "https://shop.example")
        };
        ensure!(allowed(&asked), "{:?}", asked.headers());
        ensure!(
            !asked
                .headers()
                .contains_key("access-control-allow-credentials")
        );
        let send = |key: String, origin: &'static str| {
            client
                .post(format!("{url}/v1/events?key={key}"))
                .header("origin", origin)
                .header("content-type", "text/plain;charset=UTF-8")
                .body(EVENT)
                .send()
        };
        let beacon = send(any.clone(), "https://shop.example").await?;
        ensure!(beacon.status() == 200 && allowed(&beacon), "{beacon:?}");
        let own_page = send(own.clone(), "https://shop.example").await?;
        ensure!(own_page.status() == 200, "{own_page:?}");
        let foreign = send(own.clone(), "https://evil.example").await?;
        ensure!(foreign.status() == 403, "{foreign:?}");
        let told = foreign.text().await?;
        ensure!(
            told.contains("https://evil.example") && !told.contains(&own),
            "{told}"
        );
        for key in [read, "tw_write_x".to_owned()] {
            let refused = send(key, "https://shop.example").await?;
            ensure!(refused.status() == 401, "{refused:?}");
        }
        // It reads nothing, in the address or elsewhere.
        let views = client
            .get(format!("{url}/v1/views/overview?window=24h&key={any}"))
            .send()
            .await?;
        ensure!(views.status() == 401, "{views:?}");
        let sql = client
            .request(Method::OPTIONS, format!("{url}/v1/sql"))
            .header("origin", "https://shop.example")
            .send()
            .await?;
        ensure!(
            !sql.headers().contains_key("access-control-allow-origin"),
            "{sql:?}"
        );
        // Bursts beyond the key's share wait their turn; what was acknowledged is there.
        let (mut limited, mut taken) = (0, 2);
        for _ in 0..20 {
            let burst: Vec<_> = (0..100)
                .map(|_| tokio::spawn(send(any.clone(), "https://shop.example")))
                .collect();
            for answer in burst {
                match answer.await??.status().as_u16() {
                    200 => taken += 1,
                    429 => limited += 1,
                    other => anyhow::bail!("answered {other}"),
                }
            }
        }
        ensure!(limited + taken == 2_002, "{limited} {taken}");
        server.stop().await?;
        let log = server.said();
        ensure!(
            !log.contains(&any) && !log.contains(&own),
            "a key stands in the log"
        );
        let stored = shop.ask("SELECT count(*) FROM silver.events").await?;
        ensure!(
            stored == [[taken.to_string()]],
            "{stored:?}, {taken} acknowledged"
        );
        Ok(())
    });
}
