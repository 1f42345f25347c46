//! Many accounts: the metrics stay short, come at once, and their sums are true (bar: cardinality).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::letters::letters;
use super::memory::resident_kib;
use crate::harness::{Application, Home, Request, Service, Sink, amount};

const TENANTS: usize = 20;
/// What memory is compared with: the first requests leave something behind, however many accounts there are.
const FEW: usize = 100;
const SERIES_MAX: usize = 5_000;
const BYTES_MAX: usize = 2 << 20;
const SCRAPE_MAX: Duration = Duration::from_millis(100);
/// What accounts may take. 50 MiB are asked for where the compiler optimizes, as it does not here.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// What a wave of mail may leave in memory beyond the ones before it.
const WAVES_KIB_MAX: u64 = 40 * 1024;
/// Accounts that have series of their own.
const NAMED: usize = 500;

/// A service with many accounts.
struct Scene {
    service: Service,
    tenants: Vec<Application>,
    accounts: usize,
    sink: Sink,
    _home: Home,
}

impl Scene {
    fn begin() -> Self {
        let sink = Sink::start(&["--rule", "bad*@*: refuse 550 5.1.1 \"no\""]);
        let home = Home::new();
        let service = Service::start_quiet(&home, &[("LOG_LEVEL", "off")]);
        let tenants: Vec<Application> = (0..TENANTS)
            .map(|number| service.tenant_with(&format!("tenant{number}"), json!({})))
            .collect();
        Self {
            service,
            tenants,
            accounts: 0,
            sink,
            _home: home,
        }
    }

    /// Adds accounts until there are so many.
    fn grow(&mut self, accounts: usize) {
        for number in self.accounts..accounts {
            let tenant = &self.tenants[number % TENANTS];
            tenant.account(&format!("account{number}"), self.sink.port(), json!({}));
        }
        self.accounts = accounts;
    }

    /// Sends two messages through each account: one arrives, one is refused.
    fn send(&self, name: &str) {
        for (place, tenant) in self.tenants.iter().enumerate() {
            let own = (place..self.accounts).step_by(TENANTS);
            let batch: Vec<Value> = own
                .flat_map(|number| two_letters(tenant, name, number))
                .collect();
            for part in batch.chunks(1_000) {
                tenant.send(part);
            }
        }
        self.service.until_done();
    }
}

#[test]
fn many_accounts_make_no_more_series_and_no_wrong_sums() {
    let mut scene = Scene::begin();
    scene.grow(FEW);
    check_scrapes(&scene.service);
    let before = resident_kib(&scene.service.process);
    let accounts = amount(600, 10_000);
    scene.grow(accounts);
    check_scrapes(&scene.service);
    let grown = resident_kib(&scene.service.process).saturating_sub(before);
    println!("{grown} KiB more for {accounts} accounts than for {FEW}");
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB");

    scene.send("first");
    check_sums(&scene.service, accounts as f64);
    let text = check_scrapes(&scene.service);
    let named = text.matches("\ngmp_sent_total{").count();
    assert!((NAMED..=NAMED + 2).contains(&named), "{named} series");
    assert!(text.contains(r#"account_id="other""#), "{text}");
}

/// Each thread that ever read for a delivery kept megabytes, and there came to be more and more of them.
#[test]
fn mail_through_many_accounts_again_and_again_takes_no_more_memory() {
    let mut scene = Scene::begin();
    scene.grow(600);
    let waves = amount(8, 40);
    let sizes: Vec<u64> = (0..waves)
        .map(|wave| {
            scene.send(&format!("wave{wave}"));
            resident_kib(&scene.service.process)
        })
        .collect();
    println!("{sizes:?} KiB");
    let (early, late) = (sizes[1], sizes[waves - 1]);
    assert!(late < early + WAVES_KIB_MAX, "{sizes:?}");
}

/// One that arrives, and one that is refused.
fn two_letters(tenant: &Application, name: &str, number: usize) -> Vec<Value> {
    let account = format!("account{number}");
    let letter = |kind| letters(tenant, &account, &format!("{kind}-{name}-{number}"), 0..1);
    let (good, bad) = (letter("good"), letter("bad"));
    [good, bad].concat()
}

fn check_sums(service: &Service, each: f64) {
    let metrics = service.metrics();
    let sum = |name: &str| -> f64 {
        let own = metrics
            .iter()
            .filter(|(series, _)| series.starts_with(name));
        own.map(|(_, value)| value).sum()
    };
    assert_eq!(sum("gmp_sent_total{"), each);
    assert_eq!(sum("gmp_errors_total{"), each);
    assert_eq!(metrics["gmp_pending_messages"], 0.0);
    assert_eq!(metrics["glasspost_service_books_balance"], 1.0);
}

/// Scrapes several times; gives what came.
fn check_scrapes(service: &Service) -> String {
    let (mut text, mut times) = (String::new(), Vec::new());
    for _ in 0..20 {
        let began = Instant::now();
        let answer = Request::new("GET", "/metrics")
            .header("Host", &service.address.to_string())
            .send(service.address)
            .expect(200);
        times.push(began.elapsed());
        text = answer.text();
    }
    times.sort();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{series} series, {} bytes, {median:?}, at most {longest:?}",
        text.len()
    );
    assert!(series <= SERIES_MAX, "{series} series");
    assert!(text.len() <= BYTES_MAX, "{} bytes", text.len());
    assert!(median <= SCRAPE_MAX, "{times:?}");
    text
}
