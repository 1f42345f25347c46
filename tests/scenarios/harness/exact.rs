//! The account of a run, checked wherever it is kept: ledger, books, `success.csv` and `failed.csv`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Home;

/// What became of every recipient of a run: `delivered`, `bounced`, …
pub type Statuses = BTreeMap<String, String>;

impl Home {
    /// What the ledger says of every recipient of the latest run, having checked that it says the same
    /// everywhere: each recipient stands once in the ledger, the books balance and agree, `success.csv` has
    /// exactly the delivered and `failed.csv` exactly the failed, each once.
    #[track_caller]
    pub fn exact_account(&self) -> Statuses {
        let report = self.report(&["--recipients"]);
        let statuses = statuses(&report);
        assert_eq!(report["books_balance"], true, "{}", report["books"]);
        assert_eq!(
            report["books"]["accepted"],
            statuses.len(),
            "{}",
            report["books"]
        );
        for status in [
            "queued",
            "delivered",
            "bounced",
            "expired",
            "dropped",
            "cancelled",
        ] {
            let count = statuses.values().filter(|found| *found == status).count();
            assert_eq!(report["books"][status], count, "{status}");
        }
        let account = self.account();
        let expected = |wanted: &[&str]| -> Vec<String> {
            let with = statuses
                .iter()
                .filter(|(_, s)| wanted.contains(&s.as_str()));
            with.map(|(address, _)| address.clone()).collect()
        };
        same("success.csv", account.success, expected(&["delivered"]));
        same(
            "failed.csv",
            account.failed,
            expected(&["bounced", "expired", "dropped"]),
        );
        statuses
    }
}

/// The statuses of a report that was made with `--recipients`.
#[track_caller]
fn statuses(report: &Value) -> Statuses {
    let rows = report["recipients"].as_array().unwrap();
    let mut statuses = Statuses::new();
    for row in rows {
        let (address, status) = (
            row["email"].as_str().unwrap(),
            row["status"].as_str().unwrap(),
        );
        let before = statuses.insert(address.to_owned(), status.to_owned());
        assert!(before.is_none(), "{address} stands twice in the ledger");
    }
    statuses
}

#[track_caller]
fn same(file: &str, mut found: Vec<String>, expected: Vec<String>) {
    found.sort();
    let missing: Vec<&String> = expected
        .iter()
        .filter(|one| found.binary_search(one).is_err())
        .collect();
    assert!(missing.is_empty(), "{file} lacks {missing:?}");
    let twice: Vec<&String> = found
        .windows(2)
        .filter(|two| two[0] == two[1])
        .map(|two| &two[0])
        .collect();
    assert!(twice.is_empty(), "{file} has {twice:?} twice");
    let extra: Vec<&String> = found
        .iter()
        .filter(|one| expected.binary_search(one).is_err())
        .collect();
    assert!(
        extra.is_empty(),
        "{file} has {extra:?}, who do not belong there"
    );
}
