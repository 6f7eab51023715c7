//! What shoppers come with: devices whose type, system, browser and user agent belong together, and the campaigns
//! and referrers that brought them.

/// A device with its share of visits in thousandths and how readily its users buy, in percent of the average.
pub(super) struct Device {
    pub kind: &'static str,
    pub os: &'static str,
    pub browser: &'static str,
    pub user_agent: &'static str,
    pub weight: u16,
    pub readiness: u16,
}

const fn device(
    kind: &'static str,
    os: &'static str,
    browser: &'static str,
    weight: u16,
    readiness: u16,
    user_agent: &'static str,
) -> Device {
    Device {
        kind,
        os,
        browser,
        user_agent,
        weight,
        readiness,
    }
}

pub(super) const DEVICES: &[Device] = &[
    device(
        "mobile",
        "iOS",
        "Safari",
        270,
        88,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    ),
    device(
        "mobile",
        "Android",
        "Chrome",
        240,
        84,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    device(
        "mobile",
        "Android",
        "Samsung Internet",
        60,
        84,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    device(
        "mobile",
        "iOS",
        "Chrome",
        30,
        86,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
    ),
    device(
        "desktop",
        "Windows",
        "Chrome",
        170,
        118,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    device(
        "desktop",
        "Windows",
        "Edge",
        60,
        118,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    device(
        "desktop",
        "Windows",
        "Firefox",
        35,
        115,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    ),
    device(
        "desktop",
        "macOS",
        "Safari",
        50,
        125,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    ),
    device(
        "desktop",
        "macOS",
        "Chrome",
        35,
        125,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    device(
        "desktop",
        "Linux",
        "Firefox",
        12,
        110,
        "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    ),
    device(
        "tablet",
        "iPadOS",
        "Safari",
        28,
        110,
        "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    ),
    device(
        "tablet",
        "Android",
        "Chrome",
        10,
        95,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
];

/// What brought a visit: a campaign (or none) and the page it came from (or none), with a share in thousandths.
pub(super) struct Source {
    /// Source, medium, name.
    pub campaign: Option<(&'static str, &'static str, &'static str)>,
    pub referrer: &'static str,
    pub weight: u16,
}

const fn source(
    campaign: Option<(&'static str, &'static str, &'static str)>,
    referrer: &'static str,
    weight: u16,
) -> Source {
    Source {
        campaign,
        referrer,
        weight,
    }
}

/// The entry in [`SOURCES`] of the mail that reminds of an abandoned cart; it is never drawn, only sent.
pub(super) const CART_REMINDER: u8 = 0;

/// Campaigns weigh 300 of 1,000.
pub(super) const SOURCES: &[Source] = &[
    source(Some(("newsletter", "email", "cart_reminder")), "", 0),
    source(
        Some(("google", "cpc", "brand_search")),
        "https://www.google.com/",
        70,
    ),
    source(
        Some(("google", "cpc", "shopping_all_products")),
        "https://www.google.com/",
        70,
    ),
    source(
        Some(("facebook", "paid_social", "autumn_prospecting")),
        "https://l.facebook.com/",
        45,
    ),
    source(
        Some(("instagram", "paid_social", "new_arrivals")),
        "https://l.instagram.com/",
        40,
    ),
    source(Some(("newsletter", "email", "weekly_digest")), "", 40),
    source(
        Some(("tiktok", "paid_social", "creator_spark")),
        "https://www.tiktok.com/",
        20,
    ),
    source(
        Some(("bing", "cpc", "generic_search")),
        "https://www.bing.com/",
        15,
    ),
    source(None, "", 270),
    source(None, "https://www.google.com/", 300),
    source(None, "https://www.bing.com/", 35),
    source(None, "https://duckduckgo.com/", 25),
    source(None, "https://www.pinterest.com/", 25),
    source(None, "https://www.reddit.com/", 20),
    source(None, "https://l.instagram.com/", 25),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_a_thousand() {
        assert_eq!(DEVICES.iter().map(|d| d.weight).sum::<u16>(), 1_000);
        assert_eq!(SOURCES.iter().map(|s| s.weight).sum::<u16>(), 1_000);
        assert_eq!(
            SOURCES
                .iter()
                .filter(|s| s.campaign.is_some())
                .map(|s| s.weight)
                .sum::<u16>(),
            300
        );
        assert!(SOURCES[usize::from(CART_REMINDER)].campaign.is_some());
    }

    #[test]
    fn average_readiness_is_near_one() {
        let sum: u32 = DEVICES
            .iter()
            .map(|d| u32::from(d.weight) * u32::from(d.readiness))
            .sum();
        assert!((97_000..=103_000).contains(&sum), "{sum}");
    }
}
